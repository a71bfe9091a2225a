package server

import (
	"net/http"
	"slices"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsapi/lambda"
	"github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// The actions of the node's own API, which keys are allowed on all resources or not at
// all.
const (
	mayRead     = "tablecast:Read" // what is in the node: changes, events, dead letters
	mayMetrics  = "tablecast:Metrics"
	mayRedrive  = "tablecast:Redrive"
	mayDrop     = "tablecast:Drop"
	mayBackfill = "tablecast:Backfill"
	mayBackup   = "tablecast:Backup"
)

// Actions returns the actions that keys can be allowed, in order.
func Actions() []string {
	all := []string{mayRead, mayMetrics, mayRedrive, mayDrop, mayBackfill, mayBackup}
	all = slices.Concat(all, dynamodb.Actions(), streams.Actions(), eventbridge.Actions(), lambda.Actions())
	slices.Sort(all)
	return slices.Compact(all)
}

// pages returns the node's own API.
func pages(node *tablecast.Node, backups string, figures *metrics, attempts *recent, closed func() bool) []awsjson.Page {
	a := administration{node, attempts}
	out := []awsjson.Page{
		{Pattern: "GET /healthz", Open: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]string{"status": "ok"})
		})},
		{Pattern: "GET /readyz", Open: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { ready(w, node, closed()) })},
		{Pattern: "GET /metrics", Action: mayMetrics, Basic: true, Handler: figures.handler()},
		{Pattern: "GET /_api/v1/status", Action: mayRead, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, statusOf(node))
		})},
		{Pattern: "POST /_api/v1/backup", Action: mayBackup, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { backup(w, r, node, backups) })},
	}
	for _, p := range []struct {
		path, action string
		do           http.HandlerFunc
	}{
		{"explain", mayRead, admin(a.explain)},
		{"dry-run", mayRead, admin(a.dryRun)},
		{"parked", mayRead, admin(a.parked)},
		{"parked/redrive", mayRedrive, admin(a.redrive)},
		{"parked/drop", mayDrop, admin(a.drop)},
		{"backfill", mayBackfill, admin(a.backfill)},
		{"mappings", mayRead, admin(a.sources)},
		{"dead-letters", mayRead, admin(a.deadLetters)},
		{"dead-letters/redrive", mayRedrive, admin(a.redriveDead)},
		{"dead-letters/drop", mayDrop, admin(a.dropDead)},
		{"events/tail", mayRead, admin(a.tail)},
		{"events/get", mayRead, admin(a.get)},
		{"buses", mayRead, admin(a.buses)},
		{"rules", mayRead, admin(a.rules)},
		{"targets", mayRead, admin(a.targets)},
	} {
		out = append(out, awsjson.Page{Pattern: "POST /_api/v1/" + p.path, Action: p.action, Handler: p.do})
	}
	return out
}
