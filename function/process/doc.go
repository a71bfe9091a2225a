// Package process runs Lambda-style functions of any language as processes of
// this machine, over the AWS Lambda Runtime API.
//
//	Invoke ─▶ queue ─▶ process 1  GET  /2018-06-01/runtime/invocation/next
//	                   process 2  POST /2018-06-01/runtime/invocation/{id}/response
//	                   ...        POST /2018-06-01/runtime/invocation/{id}/error
//
// Open checks a Spec, Run owns the processes and every goroutine, Invoke hands
// one payload to one process.
//
// # Invariants
//
//  1. A process has one invocation at a time, and a listener of its own on the
//     loopback interface, which answers that process and its children alone: the
//     bootstraps know a secret, and of programs Linux tells which process made a
//     connection. Elsewhere other programs of the machine can speak to it, but no
//     page of a browser.
//  2. Processes ask for work; nothing is sent to one that did not ask. A
//     process is started when more invocations wait than processes are about
//     to ask, never more than Spec.Concurrency at once.
//  3. Each invocation is answered exactly once: by the process, or, if that
//     ended or overran, by the payload that Lambda gives for it. An invocation
//     that no process read is handed to another process, not answered.
//  4. A process that fails before it asks for work answers one waiting
//     invocation with the reason; the next one starts a new process.
//  5. An invocation sees the code that was on disk when it was made, or newer
//     code. A process with older code ends before it is handed another.
//  6. What a process wrote before it answered is logged before Invoke returns.
//  7. When Run returns, no process that it started is left, nor any of its
//     children in its process group, and no file.
//
// Functions are contained, not sandboxed: they run as the user of this
// process and can read and write what that user can. docs/functions.md says
// what is limited and what is not.
package process
