// Package awsjson is the server side of two protocols of AWS. In AWS JSON a request
// is a POST to "/" with a JSON body, and the header X-Amz-Target names the service
// and the operation. In AWS REST-JSON the HTTP method and the path name the
// operation. The package knows no service: NewServer takes each as a table of
// operations.
//
// A request passes these stages; the first that refuses it answers.
//
//	guard     Host names this server, and no web page of another origin sent it that
//	          is not allowed
//	route     X-Amz-Target names an operation, the content type is JSON
//	read      the body is within MaxBody and the budget, and comes fast enough
//	verify    the signature is right, if the node has keys; it is over the bytes as
//	          they came
//	inflate   a body in gzip or deflate holds no more than MaxBody and the budget have
//	afford    the JSON nests no deeper than maxDepth, and what decoding makes of it is
//	          within the budget
//	authorize the key is allowed what the operation says that the request needs
//	operation decodes the body, does the work, encodes the answer
//
// # Invariants
//
//  1. Nothing of a body is parsed before its signature was verified, and no operation
//     or page runs before its key was found to be allowed to: server.admit is the one
//     way in, and NewServer takes no operation that does not say what it needs.
//  2. The memory of requests is bounded: headers by the HTTP server, the body, and what
//     it holds if it is compressed, by MaxBody, bodies, what decoding makes of them and
//     answers that are being written by MaxInFlight all together. Clients that were not verified leave half of it to
//     those that were. A slow client is cut off.
//  3. Every answer, errors included, has x-amzn-RequestId, Content-Type,
//     Content-Length and, outside REST, x-amz-crc32 (of the bytes as sent).
//  4. No request ends the process: a panic of an operation is logged and
//     answered with InternalServerError.
//
// Source of the wire's rules: the AWS JSON 1.0 and 1.1 protocols of Smithy,
// "Signature Version 4" in the AWS General Reference, and answers of Amazon
// DynamoDB as published by test suites that were run against it.
package awsjson
