// Package connection holds what calls of other people's APIs need: connections,
// which say how to authorize, and API destinations, which say what to call. An
// API destination is a target.
//
// # Keys
//
//	'k' 'c' name -> connection, its parameters sealed (JSON)
//	'k' 'd' name -> API destination (JSON)
//
// # Invariants
//
//  1. What authorizes is in the store sealed alone (AES-256 in GCM, the name of
//     the connection bound in), under a key that is not in the store. It never
//     leaves the package but in calls: Describe and List show what is no
//     secret, and errors and logs nothing of it. Without the key a connection
//     is deauthorized and its deliveries wait for UpdateConnection.
//  2. Calls of one destination start no faster than its rate, whatever the
//     number of rules that name it. They wait for their turn; nothing is
//     dropped.
//  3. A token is fetched when one is needed and again after status 401 or 407,
//     and is kept in memory alone.
//  4. The addresses that webhooks never call are never called here, either, for
//     tokens included.
//
// Source: Amazon EventBridge user guide and API reference.
package connection
