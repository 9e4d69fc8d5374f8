// Package items has a type of the same name as another package items.
package items

// Item has a name.
type Item struct {
	Name string `json:"name"`
}
