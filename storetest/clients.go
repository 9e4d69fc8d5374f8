package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
)

// ClientStore is what the suite of clients needs of a store. AddClient replaces
// the client that has the same id.
type ClientStore interface {
	passbearer.ClientStore
	AddClient(ctx context.Context, c passbearer.Client) error
}

// TestClientStore tests a passbearer.ClientStore.
func TestClientStore[S ClientStore](t *testing.T, open func(*testing.T) S) {
	run(t, "what was added is found", open, clientsAreFound)
}

func clientsAreFound[S ClientStore](ctx context.Context, t *testing.T, s S) {
	clients := []passbearer.Client{
		{ID: "web", SecretHash: passbearer.ClientSecretHash("secret"), RefreshGrace: 30 * time.Second},
		{ID: "phone", Public: true, RefreshGrace: -1},
		{ID: "';--%_", SecretHash: "x"},
		{ID: strings.Repeat("c", 256)},
	}
	for range 2 { // the second time they are replaced
		for i := range clients {
			clients[i].SecretHash += "y"
			must(t, s.AddClient(ctx, clients[i]))
		}
		for _, want := range clients {
			got, err := s.ClientByID(ctx, want.ID)
			must(t, err)
			if *got != want {
				t.Errorf("the client %q changed in the store", want.ID)
			}
		}
	}
	for _, id := range []string{"", "we", "WEB", "web ", "%", "w_b"} {
		_, err := s.ClientByID(ctx, id)
		mustBe(t, err, passbearer.ErrClientNotFound)
	}
}
