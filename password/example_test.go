package password_test

import (
	"context"
	"fmt"

	"github.com/passbearer/passbearer/password"
)

func ExampleHasher_Verify() {
	ctx := context.Background()
	hasher := password.Default()
	hash, err := hasher.Hash(ctx, "correct horse battery staple") // to be stored
	if err != nil {
		panic(err)
	}
	fmt.Println(hasher.Verify(ctx, "correct horse battery staple", hash))
	fmt.Println(hasher.Verify(ctx, "wrong", hash))
	fmt.Println(hasher.Verify(ctx, "whoever this is", "")) // no such user, the same work
	// Output:
	// true false <nil>
	// false false <nil>
	// false false <nil>
}

// Two hashes of one password differ in their salts: == never finds them equal.
func ExampleHasher_Hash_incorrect() {
	ctx := context.Background()
	stored, err := password.Default().Hash(ctx, "secret")
	if err != nil {
		panic(err)
	}
	again, err := password.Default().Hash(ctx, "secret")
	fmt.Println(stored == again, err)
	// Output:
	// false <nil>
}
