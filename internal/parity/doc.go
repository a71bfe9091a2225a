// Package parity compares the tables of Tablecast with independent servers of
// the DynamoDB protocol: dynoxide, dynalite and moto.
//
// A seed makes a sequence of requests, valid and broken in known ways. Each
// request goes to all servers in the same form, over the AWS SDK for Go where
// it can express the request and as plain HTTP where it cannot. The answers are
// compared field by field after normalising what may differ (ids, times, the
// region and account of ARNs, the order of scans and sets).
//
// A difference is either a fault of ours, or of the peer: then deviations.yaml
// says what differs, why ours is right, and by which source. An entry names the
// texts of both answers that were looked at. A difference that no entry explains
// fails the test, and so does an entry that the long run never meets.
//
// Each fifth request is of a family that random requests are rarely or never,
// such as elements beyond the end of a list. An entry explains such requests only
// if it names the family, and the summary says how often each was generated and
// how often a peer answered alike. Of moto, which models results, only the answers
// to valid requests are compared.
//
// After each write the tables are compared too. Items that differ are deleted on
// both servers, so that one deviation is told once.
//
//	go test ./internal/parity                        a few seeds
//	go test ./internal/parity -seeds 300             the long run: make parity
//	go test ./internal/parity -seeds 1 -first 1234   one seed again
//	go test -v ./internal/parity -explained          what each entry explained
package parity
