package browsertest

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/browser"
	"github.com/passbearer/passbearer/swaggerui"
)

const token = "opaque-token"

// opaque verifies one token.
type opaque struct{}

func (opaque) VerifyToken(_ context.Context, presented string) (*passbearer.Claims, error) {
	if presented != token {
		return nil, passbearer.ErrInvalidToken
	}
	return &passbearer.Claims{Subject: "johndoe", Scope: "items:read me"}, nil
}

// A resource server alone has no token endpoint: who has a token can use it.
func TestBearerScheme(t *testing.T) {
	address := serve(t, newAPI(passbearer.NewGuard(opaque{}, nil)))
	v := visit(t, browser.Start(t), address+"/docs", 401)
	v.openDialog()
	v.Type(".modal-ux input", token)
	v.Click(".modal-ux .authorize")
	v.WaitText(".modal-ux h6", "Authorized")
	v.Screenshot("bearer")
	v.closeDialog()
	v.try(items)
	v.execute()
	v.waitStatus(items, 200)
	requireNothingStored(t, v)

	v.openDialog()
	v.Click(".modal-ux .auth-btn-wrapper .btn:not(.btn-done)") // Logout
	v.Wait("!!document.querySelector('.modal-ux input')")
	v.closeDialog()
	v.execute()
	v.waitStatus(items, 401)
}

// Nothing that a link says makes the page load another document.
func TestQueryChoosesNothing(t *testing.T) {
	r := newRig(t, change{})
	v := visit(t, browser.Start(t), r.url+"/docs/?url=https://host.example/a.json&configUrl=https://host.example/b.json#/items/get_items")
	v.Wait("!!document.querySelector('" + items + " .try-out')")
	require.Contains(t, v.Requests(), "GET "+r.url+"/openapi.json")
	v.Screenshot("deep-link")
}

// picture is a GIF of one pixel.
var picture, _ = base64.StdEncoding.DecodeString("R0lGODlhAQABAAAAACwAAAAAAQABAAA=")

// TestEveryFeature opens all that Swagger UI shows: none of it may need what the
// page's policy refuses.
func TestEveryFeature(t *testing.T) {
	document, err := os.ReadFile("testdata/features.json")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("GET /docs/", swaggerui.New(nil))
	answer := func(contentType string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Write(body)
		}
	}
	mux.Handle("GET /openapi.json", answer("application/json", document))
	mux.Handle("GET /picture", answer("image/gif", picture))
	mux.Handle("GET /sound", answer("audio/wav", []byte("RIFF")))
	mux.Handle("GET /markup", answer("application/xml", []byte("<a><b>c</b></a>")))
	mux.Handle("GET /page", answer("text/html", []byte("<script>alert(1)</script>")))
	mux.Handle("GET /file", answer("application/octet-stream", []byte("abc")))
	mux.Handle("GET /items/{id}", answer("application/json", []byte(`{"id":1}`)))
	mux.Handle("POST /form", answer("application/json", []byte("{}")))
	mux.Handle("POST /json", answer("application/json", []byte("[]")))

	v := visit(t, browser.Start(t), serve(t, mux)+"/docs/")
	v.Wait("document.querySelectorAll('.opblock').length === 9")
	v.Eval("document.querySelectorAll('.opblock-summary-control').forEach((b) => b.click())")
	v.Wait("document.querySelectorAll('.try-out__btn').length === 8") // not the webhook's
	for range 4 {                                                     // what is opened has more to open
		v.Eval("document.querySelectorAll('[aria-expanded=false], .json-schema-2020-12-accordion:not(:has(.json-schema-2020-12-accordion__icon--expanded)), .model-box-control').forEach((b) => b.click())")
	}
	v.Screenshot("features")
	v.Eval("document.querySelectorAll('.try-out__btn').forEach((b) => b.click())")
	v.Wait("document.querySelectorAll('.execute').length === 8")
	v.Screenshot("features-try")
	v.Eval("document.querySelectorAll('.execute').forEach((b) => b.click())")
	v.Wait("document.querySelectorAll('.live-responses-table .response').length === 8")
	v.Wait("document.querySelector('img[src^=\"blob:\"]').naturalWidth === 1")
	v.Screenshot("features-answers")
}
