// Package items has a type of the same name as another package items.
package items

// Item has a number.
type Item struct {
	Number int `json:"number"`
}
