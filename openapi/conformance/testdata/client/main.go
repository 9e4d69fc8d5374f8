// Command client signs in to the quickstart and reads its items, with a client
// that was generated of its document. It prints the two statuses, without the
// token and with it, and the body.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/passbearer/passbearer/openapi/conformance/testdata/client/api" // made by the test
)

func main() {
	ctx := context.Background()
	client, err := api.NewClientWithResponses(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	username, password := "johndoe", "secret"
	token, err := client.PostTokenWithFormdataBodyWithResponse(ctx, api.PostTokenFormdataRequestBody{
		GrantType: api.Password,
		Username:  &username,
		Password:  &password,
	})
	if err != nil {
		log.Fatal(err)
	}
	if token.JSON200 == nil {
		log.Fatalf("sign in: %s %s", token.Status(), token.Body)
	}
	refused, err := client.GetItemsWithResponse(ctx)
	if err != nil {
		log.Fatal(err)
	}
	items, err := client.GetItemsWithResponse(ctx, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token.JSON200.AccessToken)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if refused.JSON401 != nil {
		fmt.Println(refused.StatusCode(), refused.JSON401.Detail)
	}
	fmt.Printf("%d %s", items.StatusCode(), items.Body)
}
