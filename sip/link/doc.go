// Package link joins the nodes of a cluster: it lets each node use the flows of the others as if they were its own.
//
// A phone is reached over its flow, and the flow belongs to one node. When a call on node A needs a phone of node B, A's
// transactions and dialog stay whole on A; only the last step, "write these bytes to that flow", is done by B, and what
// the phone answers is brought back to A. So a link carries flows, not hops: to the phones the cluster is one SIP element
// (no second Via, no second Record-Route, no transaction on B that could disagree), retransmissions towards a UDP phone
// are A's own, and B forwards without parsing and keeps no state.
//
//	A → B  write   token, message: out by the flow of that token; when it is gone, the request is answered 430
//	B → A  bring   token, network, addresses, message: a phone of B sent what is A's
//	B → A  gone    token: the connection ended; what waits for it at A fails at once
//	both   hello   node and the names it gives itself towards phones; ping, pong
//
// What is A's, B knows by two marks. The top Via of a response carries the id of the node that sent the request
// ([transport.ViaNode]). The cookie in the Record-Route of a request inside a dialog is sealed under a key of its node
// ([CookieKey]): B tries the keys of the living nodes. A cookie nobody can forge, so a stranger cannot make one node
// bother another with more than a stray response, which A drops.
//
// # Trust
//
// A link is TLS 1.3, both sides with a certificate. The authority's Ed25519 key is derived from the cluster's root key, so
// every node can issue its own certificate, for a key made at its start, and check the others', and nothing has to be
// handed out or stored; whoever has no root key cannot join, and whoever has it is the cluster by definition (it opens
// the credentials too). The id in the certificate must be the id that was dialled and the one the peer says. During a
// rotation of the root key the authorities of all configured keys are believed. The handshake gives forward secrecy.
//
// What comes over a link was checked by the sender: the caller's credentials on A, the limits per source and connection on
// B. It is counted against neither again; the limit of requests in flight holds for each phone's flow as ever.
//
// # Failure
//
// Links are dialled to nodes with a living heartbeat and for no other reason; no message ever waits for one. A node that
// has not been heard of for 500 ms (pings go every 150 ms) counts as out of reach: new requests to its phones fail at
// once. After 2 s the link is given up, and what was waiting fails; a process that dies ends its links in that moment.
// Dialling goes on with a back-off of 50 ms to 2 s.
//
// Limits: one frame up to 128 KiB; 4 MiB waiting for a slow peer, then messages are refused (and the transactions above
// see to it); 64 handshakes at a time.
package link
