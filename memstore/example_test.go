package memstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

func ExampleNew() {
	ctx := context.Background()
	johndoe, err := passbearer.NewUser(ctx, "johndoe", "secret", "me")
	if err != nil {
		panic(err)
	}
	store := memstore.New(johndoe)
	found, err := store.UserByName(ctx, "johndoe")
	fmt.Println(found.ID == johndoe.ID, err)
	_, err = store.UserByName(ctx, "alice")
	fmt.Println(errors.Is(err, passbearer.ErrUserNotFound))
	// Output:
	// true <nil>
	// true
}
