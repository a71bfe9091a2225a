// Package connection holds EventBridge's connections, which say how calls of HTTP
// APIs are authorized, and API destinations, which say what to call. An API
// destination is a target.
//
// # Keys
//
//	'k' 'c' name -> connection, with its encrypted authorization parameters (JSON)
//	'k' 'd' name -> API destination (JSON)
//
// # Invariants
//
//  1. Authorization parameters are stored only encrypted (AES-256-GCM, with the
//     name of the connection as additional data), under a key that is not in the
//     store. They leave the package only in calls: Describe and List show no
//     secrets, errors and logs nothing of the parameters. Without the key a
//     connection is deauthorized, and its deliveries are retried until
//     UpdateConnection.
//  2. Calls of one destination start no faster than its rate, however many rules
//     name it. They wait; nothing is dropped.
//  3. A token is requested when a call needs one, and again after a call was
//     answered with status 401 or 407. It is kept only in memory.
//  4. The addresses that webhooks never call are not called here either, for
//     tokens included.
//
// Source: Amazon EventBridge user guide and API reference.
package connection
