package awsjson

import (
	"log/slog"
	"net/http"
	"time"
)

// NewHTTPServer returns an HTTP server for the handler of NewServer with limits on what
// a client may cost: 32 KiB of headers within 5 s, and an idle connection for 60 s.
// Bodies and answers have the limits of pace.
func NewHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ConnContext:       withConn,
	}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return srv
}
