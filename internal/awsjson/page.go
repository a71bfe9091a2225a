package awsjson

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/wait"
)

// PageService is the service in the scope of signatures for pages, and of their
// actions.
const PageService = "tablecast"

// maxPage is the largest body of a request for a page in bytes.
const maxPage = 8 << 20

// A Page is a part of a node's own API. On a closed node its requests are signed as
// those of REST services are, for the service PageService.
type Page struct {
	// Pattern is that of http.ServeMux, with a method.
	Pattern string
	// Action is what a key needs, on any resource: "tablecast:Backup".
	Action string
	// Open serves the page to everybody; it has no Action.
	Open bool
	// Basic accepts, in place of a signature, the id and the secret of a key as a
	// Basic credential, for clients that cannot sign.
	Basic   bool
	Handler http.Handler
}

// mux returns the handler of the pages, which refuses what is none.
func (s *server) mux(pages []Page) *http.ServeMux {
	mux := http.NewServeMux()
	for _, p := range pages {
		mustNeed(p.Open != (p.Action != ""), p.Pattern)
		mux.HandleFunc(p.Pattern, func(w http.ResponseWriter, r *http.Request) { s.page(w, r, p) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if s.opts.Health != "" && r.Method == http.MethodGet && r.URL.Path == "/" && !strings.Contains(r.Header.Get("Accept"), "text/html") {
			writeAnswer(w, "text/plain; charset=utf-8", http.StatusOK, []byte(s.opts.Health))
			return
		}
		s.fail(w, r, nil, &Error{Type: unknownOperation, Status: http.StatusNotFound,
			Message: "No service answers " + r.Method + " " + r.URL.EscapedPath() + "; the services here take POST / with X-Amz-Target."})
	})
	return mux
}

// page serves a page to those who may see it. Its handler may take as long as it
// likes; a client that stops reading what it writes is cut off.
func (s *server) page(w http.ResponseWriter, r *http.Request, p Page) {
	buf := s.newBuffer(r)
	defer buf.release()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	k, err := s.admitPage(w, r, p, buf)
	if err != nil {
		s.fail(w, r, nil, forbidden(err))
		return
	}
	if k != nil {
		ctx = context.WithValue(ctx, signer{}, k.Name)
		go s.opts.Auth.watch(ctx, cancel, k)
	}
	r = r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(buf.b))
	p.Handler.ServeHTTP(&paced{w}, r)
}

// admitPage reads the body of a request for a page and returns its key; nil if the page
// is open to everybody.
func (s *server) admitPage(w http.ResponseWriter, r *http.Request, p Page, buf *buffer) (*keys.Key, error) {
	if err := s.read(w, r, buf, maxPage); err != nil {
		return nil, err
	}
	if p.Open {
		return nil, nil
	}
	if !s.closed() {
		return nil, s.afford(buf)
	}
	needs := func() ([]Permission, error) { return []Permission{{p.Action, Anything}}, nil }
	k, err := s.admit(r, buf, entry{service: PageService, rest: true, basic: p.Basic, needs: needs})
	if err == nil && k == nil {
		err = errMissing
	}
	if err == nil {
		err = s.afford(buf)
	}
	return k, err
}

// watchEvery is how often the key of an answer that lasts is looked at.
const watchEvery = 500 * time.Millisecond

// watch cancels a request once its key was revoked or is expired: answers such as the
// tail of a bus last as long as their clients like. It returns when ctx ends.
func (a *Auth) watch(ctx context.Context, cancel func(), k *keys.Key) {
	for wait.Sleep(ctx, watchEvery) == nil {
		if _, known := a.Keys.Find(k.ID); !known || k.Expired(a.now()) {
			cancel()
			return
		}
	}
}

type signer struct{}

// Signer returns the name of the key that signed the request of a page; empty on an
// open node.
func Signer(ctx context.Context) string {
	name, _ := ctx.Value(signer{}).(string)
	return name
}
