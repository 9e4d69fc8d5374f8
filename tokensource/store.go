package tokensource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/oauth2"
)

// Store keeps the token of a session between runs of a program, and shares it among
// processes. A [Source] calls one method at a time; other processes may call at the
// same time. Each call has 5 seconds.
type Store interface {
	// Load returns the token that was saved last, by whichever process, and nil
	// without error where there is none. The token belongs to the caller.
	Load(ctx context.Context) (*oauth2.Token, error)

	// Save replaces the token. When it returns nil, the token is there to be
	// loaded after a crash; until then, the one before is. The refresh token in
	// it is a secret as good as a password.
	Save(ctx context.Context, token *oauth2.Token) error
}

// File is a [Store] in the file of that name, as JSON, readable by its owner alone. The
// folder has to exist, and others must not be able to write in it. Members of the answer
// besides the [oauth2.Token]'s own are not kept.
type File string

var _ Store = File("")

// Load implements [Store].
func (f File) Load(context.Context) (*oauth2.Token, error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	token := new(oauth2.Token)
	if err := json.Unmarshal(text, token); err != nil {
		return nil, fmt.Errorf("%s holds no token in JSON", string(f)) // a part of it is not repeated
	}
	return token, nil
}

// Save implements [Store]: the new file takes the place of the old one when it is
// complete and on the disk.
func (f File) Save(_ context.Context, token *oauth2.Token) error {
	text, err := json.Marshal(token)
	if err != nil {
		return err
	}
	dir, name := filepath.Split(string(f))
	next, err := os.CreateTemp(filepath.Clean(dir), name+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // of which nothing is left after Rename
	_, err = next.Write(text)
	err = errors.Join(err, next.Sync(), next.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(next.Name(), string(f)); err != nil {
		return err
	}
	syncFolder(filepath.Clean(dir))
	return nil
}

// syncFolder keeps the new name through a loss of power, which would bring back the
// refresh token before. Not every system can do it for a folder, and the file is there in
// any case.
func syncFolder(name string) {
	if folder, err := os.Open(name); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}
