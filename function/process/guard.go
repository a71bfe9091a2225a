package process

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// A connection is a connection to the Runtime API of one process.
type connection struct {
	client, server netip.AddrPort
	// own reports whether the process or one of its children made the connection.
	own func() error
}

type connectionKey struct{}

// errStranger refuses a connection of another process.
var errStranger = errors.New("only the function's own process is served here")

// connected gives the requests of a connection what is known of it. The system is
// asked once for each connection, by the first request.
func (s *server) connected(ctx context.Context, c net.Conn) context.Context {
	conn := &connection{client: addrPort(c.RemoteAddr()), server: addrPort(c.LocalAddr())}
	conn.own = sync.OnceValue(func() error { return checkPeer(s.w.proc.cmd.Process.Pid, conn.client, conn.server) })
	return context.WithValue(ctx, connectionKey{}, conn)
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := tcp.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// guard lets through what the process itself sends: never a page of a browser, and
// nothing that was sent to another name. The bootstraps of this package show the
// secret of their process in the path. Programs cannot be relied on to keep a path
// that stands behind the address: Rust's and Java's runtimes do not. Of those the
// system says which process made the connection.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		own, err := s.own(r)
		if err != nil {
			rw.Header().Set("Connection", "close") // of descriptors the node has not many
			refuse(rw, http.StatusForbidden, accessDenied, err.Error())
			return
		}
		next.ServeHTTP(rw, own)
	})
}

// own returns a request of the process, with the path that the Runtime API has.
func (s *server) own(r *http.Request) (*http.Request, error) {
	switch {
	case r.Host != s.listener.Addr().String():
		return nil, errors.New("Host " + r.Host + " is not served here")
	case fromBrowser(r.Header):
		return nil, errors.New("web pages are not served here")
	case s.secret == "":
		conn, _ := r.Context().Value(connectionKey{}).(*connection)
		return r, conn.own()
	}
	shown, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if subtle.ConstantTimeCompare([]byte(shown), []byte(s.secret)) != 1 {
		return nil, errStranger
	}
	own := r.Clone(r.Context())
	own.URL.Path, own.URL.RawPath = "/"+path, ""
	return own, nil
}

// fromBrowser reports whether a page of a browser may have sent the request.
// Sec-Fetch-Mode tells nothing: Node's fetch sends it as well.
func fromBrowser(h http.Header) bool {
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Sec-Fetch-User"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}
