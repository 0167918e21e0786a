// Package message is what we write to people: the SMS or e-mail that carries an installation or activation link, and how
// far it has come. It is a noun of layer 0: no I/O, the standard library only.
//
// A message's status only rises ([Status.Rank]): receipts of gateways come late, twice and in any order. What it says is
// kept sealed until the gateway has it, then forgotten; who has the link can take the account.
package message
