// Package session decides which calls have their media relayed, and takes the session descriptions of those calls through
// the relay on their way between the phones.
//
// By [Auto] a call is relayed when its phones could not reach each other: when the caller's description names another
// address than its signalling comes from, so that it is behind a NAT; when caller and callee stand behind different
// addresses and do not both do ICE; or when the call crosses from one node to another and the operator wants it. The
// account types of both phones have a say ([Config.Mode]): the one that relays more is followed.
//
// Phones that do ICE find their own way where there is one: by Auto their candidates stay, and the relay is the last of
// them. By Always there is no other way than the relay, except for browsers, which take no media without ICE: theirs stays.
//
// The relay is that of the node that owns the call, which is the caller's: descriptions pass here, so no other node need
// know. The address in a description is the one that the receiver's signalling reached us by, or Config.Address.
//
// What is not done: a description inside a multipart body passes as it is; a phone that signals over IPv6 is not relayed
// unless Config.Address says where.
package session
