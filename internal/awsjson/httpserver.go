package awsjson

import (
	"log/slog"
	"net/http"
	"time"
)

// NewHTTPServer returns an HTTP server for the handler with limits on what a
// client may cost: 32 KiB of headers within 5 s, a whole request within 30 s,
// an answer within 60 s, and an idle connection for 60 s. A handler that needs
// longer says so with http.ResponseController.
func NewHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
	}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return srv
}
