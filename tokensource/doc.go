// Package tokensource is the client's side of refresh tokens that are rotated: an
// [oauth2.TokenSource] that saves each new refresh token before the access token
// beside it is used, refreshes once however many goroutines ask, and survives a
// response that was lost.
//
// A program that signs in with a name and a password, and goes on with that session
// at its next start, is this:
//
//	config := &oauth2.Config{ClientID: "demo", Endpoint: oauth2.Endpoint{
//		TokenURL: "https://api.example/token", AuthStyle: oauth2.AuthStyleInParams}}
//	source := tokensource.New(config, tokensource.File("token.json"), nil)
//	_, err := source.TokenContext(ctx)
//	if errors.Is(err, tokensource.ErrSignInRequired) { // at first, or when the session is over
//		var token *oauth2.Token
//		if token, err = config.PasswordCredentialsToken(ctx, name, password); err == nil {
//			err = source.SetToken(ctx, token)
//		}
//	}
//	...
//	res, err := source.Client().Get("https://api.example/items/")
//
// How the session began does not matter: an authorization code or a device code do
// as well. Set [oauth2.Endpoint.AuthStyle], since detecting it takes two requests.
//
// # What a Source does
//
//   - It refreshes some time before the access token expires, each program at
//     another moment. Whoever asks first waits, a second at most; the others go on with
//     the token that is still valid, and so do all where the refresh fails.
//   - A refresh goes on when its caller's context ends. The server may have rotated
//     the refresh token already, and then the answer is all that is left of the session.
//   - A new token is given to the [Store] before any caller sees it. If that fails it
//     is kept, and saved again when next asked for, without another refresh.
//   - If the connection breaks, or the answer cannot be read, it repeats the request,
//     for 9 seconds at most: a server that rotates refresh tokens as passbearer does
//     gives the same successor again for 10.
//   - 408, 429 and 5xx are temporary, and repeated likewise; any other refusal but
//     invalid_grant is not. After these 9 seconds it waits as Retry-After says, or longer
//     with each failure, asks nothing meanwhile, and keeps the session.
//   - invalid_grant is final: the error is [ErrSignInRequired], and nothing more is sent
//     until [Source.SetToken], or until another process has saved another session.
//   - It loads the token again before each refresh, so that programs that share a Store
//     share the session. A refresh token that another one has replaced is not
//     presented: two rotations later the server would take that for theft, and end the
//     session.
//
// Lifetimes count from the time at which the answer came. The server's clock does not
// matter.
//
// # What it cannot do
//
// A program that is killed between the answer and the end of Save loses its session,
// unless it is started again within the server's grace of some seconds. So does one that
// has had no answer for longer than that, if the server had rotated. End a program
// with [Source.Flush].
//
// Two programs that share a Store may refresh at the same moment. Both get the same
// refresh token while the server's grace lasts; where that is 0, one session cannot be
// shared.
//
// A token that looks valid and was revoked is answered 401 by the resource server. A
// Source takes no notice of that: most often its session is over too, and the
// next refresh will tell. Tokens that are bound to a key (DPoP, RFC 9449) are out of
// scope: a Source makes no proofs.
package tokensource
