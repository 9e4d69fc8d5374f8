package swaggerui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

//go:embed page
var own embed.FS

// files returns what belongs to the page, by name.
func files() map[string]*file {
	const script, style, image = "text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/png"
	return map[string]*file{
		"page.js":              newFile(script, read(own, "page/page.js")),
		"signins.js":           newFile(script, read(own, "page/signins.js")),
		"session.js":           newFile(script, read(own, "page/session.js")),
		"page.css":             newFile(style, read(own, "page/page.css")),
		"swagger-ui-bundle.js": newGzipFile(script, read(static.FS, "swagger-ui-bundle.js.gz")),
		"swagger-ui.css":       newGzipFile(style, read(static.FS, "swagger-ui.css.gz")),
		"favicon-32x32.png":    newFile(image, read(static.FS, "favicon-32x32.png")),
		"favicon-16x16.png":    newFile(image, read(static.FS, "favicon-16x16.png")),
	}
}

func read(fs embed.FS, name string) []byte {
	content, err := fs.ReadFile(name)
	if err != nil {
		panic(err) // embedded, so it is there
	}
	return content
}

// file is one that is served, gzipped or not.
type file struct {
	contentType string
	tag         string // names the content in an ETag
	gzipped     []byte // nil if it is served as it is alone
	plain       func() []byte
}

func newFile(contentType string, content []byte) *file {
	return &file{contentType: contentType, tag: tag(content), plain: func() []byte { return content }}
}

// newGzipFile unpacks the content when it is first needed, which is hardly ever.
func newGzipFile(contentType string, gzipped []byte) *file {
	return &file{contentType: contentType, tag: tag(gzipped), gzipped: gzipped, plain: sync.OnceValue(func() []byte { return gunzip(gzipped) })}
}

func tag(content []byte) string {
	sum := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func gunzip(content []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		panic(err) // embedded, so it is whole
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return plain
}

// choose returns the content in a coding that r accepts, and sets the headers that
// depend on it.
func (f *file) choose(h http.Header, r *http.Request) []byte {
	if f.gzipped == nil {
		h.Set("ETag", `"`+f.tag+`"`)
		return f.plain()
	}
	h.Set("Vary", "Accept-Encoding")
	if !acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("ETag", `"`+f.tag+`-plain"`)
		return f.plain()
	}
	h.Set("ETag", `"`+f.tag+`"`)
	h.Set("Content-Encoding", "gzip")
	return f.gzipped
}

// acceptsGzip follows RFC 9110 §12.5.3, but for "*": who means gzip says it.
func acceptsGzip(header []string) bool {
	for coding := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, weight, weighted := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		if !weighted {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q="), 64)
		return err == nil && q > 0
	}
	return false
}
