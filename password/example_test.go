package password_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

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

// Users who were brought along from Django, Spring Security or a Python program
// keep their passwords. A TokenHandler does by itself what this example does.
func ExampleHasher_Verify_imported() {
	ctx := context.Background()
	stored := "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="
	ok, rehash, err := password.Default().Verify(ctx, "lètmein", stored)
	fmt.Println(ok, rehash, err)
	if ok && rehash {
		stored, err = password.Default().Hash(ctx, "lètmein") // to be stored in its place
	}
	fmt.Println(strings.HasPrefix(stored, "$argon2id$"), err)
	// Output:
	// true true <nil>
	// true <nil>
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

func ExamplePepper() {
	key := make([]byte, 32) // of your secret store in a real program
	hasher, err := password.New(&password.Options{Peppers: []password.Pepper{{ID: "2026", Key: key}}})
	if err != nil {
		panic(err)
	}
	hash, err := hasher.Hash(context.Background(), "correct horse battery staple")
	fmt.Println(strings.Join(strings.Split(hash, "$")[:4], "$"), err)
	_, _, err = password.Default().Verify(context.Background(), "correct horse battery staple", hash)
	fmt.Println(err)
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1,keyid=MjAyNg <nil>
	// password: the hash's pepper is not in Options.Peppers
}

func ExamplePolicy() {
	rules := password.Policy{Words: []string{"Acme"}}
	for _, chosen := range []string{"hunter2", "johndoe-acme-1984", "a cat on the roof"} {
		reasons, err := rules.Check(context.Background(), chosen, "johndoe", "john.doe@example.com")
		fmt.Println(reasons, err)
		for _, reason := range reasons {
			fmt.Println(" ", rules.Sentence(reason))
		}
	}
	// Output:
	// [too_short] <nil>
	//   Use at least 15 characters.
	// [context_words] <nil>
	//   Use more than your name, your e-mail address and the name of this service.
	// [] <nil>
}

// Have I Been Pwned answers to the first 5 hexadecimal digits of a password's
// SHA-1 with the rest of all that it knows, so it does not learn which was meant.
// A server of the example's own stands in for https://api.pwnedpasswords.com.
func ExamplePolicy_breached() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/range/ABF7A" { // two of some hundreds, and one of padding
			io.WriteString(w, "0018A45C4D1DEF81644B54AB7F969B88D65:4\r\nAD6438836DBE526AA231ABDE2D0EEF74D42:216\r\n1D2DA4053E34E76F6576ED1DA63134B5E2A:0\r\n")
		}
	}))
	defer server.Close()

	breached := func(ctx context.Context, plain string) (bool, error) {
		sum := sha1.Sum([]byte(plain))
		digits := strings.ToUpper(hex.EncodeToString(sum[:]))
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/range/"+digits[:5], nil)
		if err != nil {
			return false, err
		}
		r.Header.Set("Add-Padding", "true") // so that the answer's length tells nothing
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return false, fmt.Errorf("breach service: %s", res.Status)
		}
		lines := bufio.NewScanner(io.LimitReader(res.Body, 1<<20))
		for lines.Scan() {
			rest, count, _ := strings.Cut(lines.Text(), ":")
			if rest == digits[5:] && count != "0" {
				return true, nil
			}
		}
		return false, lines.Err()
	}

	rules := password.Policy{Breached: breached}
	fmt.Println(rules.Check(context.Background(), "correct horse battery staple"))
	fmt.Println(rules.Check(context.Background(), "a cat on the tin roof"))
	server.Close()
	reasons, err := rules.Check(context.Background(), "a cat on the tin roof")
	fmt.Println(reasons, err != nil) // not accepted: nobody knows
	// Output:
	// [breached] <nil>
	// [] <nil>
	// [] true
}
