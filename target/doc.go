// Package target makes the calls: a Target hands one event to someone outside.
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
//	command:["ARGV0",…]       a process that gets the body on standard input;
//	                          exit status 0 is success; only when Options.Trusted
//
// # Invariants
//
//  1. A target makes one call and never repeats it: only package delivery knows
//     about time.
//  2. A call ends when its context ends, or after Options.Timeout (a function has
//     its own), whatever the other side does, and holds at most MaxResponseBytes of what it answers.
//  3. A webhook never connects to a link-local, multicast or unspecified
//     address or to a cloud's metadata service. The address is checked when the
//     connection is made, after names were resolved, so no name can lead there.
//     Nor do calls of AWS's services and of NATS.
//  4. A webhook follows no redirect and obeys no proxy of the environment.
//  5. A command runs without a shell, in its own process group, and that whole
//     group has been killed when Deliver returns.
//  6. A log line is written by one write, so lines of several queues and
//     processes never mix.
package target
