// Package target holds the targets of rules: what calls a webhook, a queue, a
// function or a command with an event.
//
// It is public API for programs that embed a node and write a Target of their
// own; package targettest checks one.
//
// # Kinds
//
//	http://…  https://…       webhook: POST the body; 2xx is success
//	log:-                     a JSON line to standard output
//	log:NAME                  a JSON line to the file NAME.jsonl in Options.LogDir
//	log:/ABSOLUTE/PATH        the same to any file; only when Options.Trusted
//	arn:aws:lambda:…          a function, by Options.Invoke
//	arn:aws:sqs:…             a queue of SQS, when Options.AWS
//	arn:aws:sns:…             a topic of SNS, when Options.AWS
//	arn:aws:kinesis:…         a stream of Kinesis, when Options.AWS
//	arn:aws:states:…          a state machine of Step Functions, when Options.AWS
//	arn:aws:logs:…            a group of CloudWatch Logs, when Options.AWS
//	nats://HOST:PORT/SUBJECT  a subject that a stream of NATS JetStream keeps; also tls://
//	go:NAME                   a Target of the program that embeds the node, by Options.Go
//	command:["ARGV0",…]       a process that gets the body on standard input;
//	                          exit status 0 is success; only when Options.Trusted
//
// # Invariants
//
//  1. A target makes one call and never retries it: only package delivery does.
//  2. A call ends when its context ends, or after Options.Timeout (functions and
//     targets in Go have their own), whatever the called side does, and holds at
//     most MaxResponseBytes of the response.
//  3. A webhook never connects to a link-local, multicast or unspecified address or
//     to a cloud's metadata service, nor do calls of AWS's services and of NATS.
//     Open refuses such an address, and it is checked again when the connection is
//     made, after names were resolved, so no DNS name can lead there.
//  4. A webhook follows no redirect and ignores the proxies of the environment.
//  5. A command runs without a shell, in its own process group, and that whole
//     group has been killed when Deliver returns.
//  6. A log line is written by one write, so lines of several queues and processes
//     never mix.
package target
