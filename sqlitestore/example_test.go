package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store, err := sqlitestore.Open(filepath.Join(dir, "users.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	johndoe, err := passbearer.NewUser(ctx, "johndoe", "secret", "me")
	if err != nil {
		log.Fatal(err)
	}
	if err := store.AddUser(ctx, johndoe); err != nil && !errors.Is(err, passbearer.ErrUserExists) {
		log.Fatal(err)
	}
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", make([]byte, 32)) // 32 random bytes, really
	if err != nil {
		log.Fatal(err)
	}
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	sessions := passbearer.NewSessions(store, store, keys, &passbearer.SessionsOptions{Revocations: revocations})

	list, err := sessions.List(ctx, johndoe.ID)
	fmt.Println(len(list), err)
	// Output: 0 <nil>
}

// Others on the machine could read the password hashes.
func ExampleOpen_incorrect() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "users.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		log.Fatal(err)
	}
	_, err = sqlitestore.Open(path, nil)
	fmt.Println(err != nil)
	// Output: true
}
