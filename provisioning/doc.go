// Package provisioning is an account's life: its group, its creation (plain, by the wizard, in batches), its fields, its
// end. What the operator does to a living account from day to day (disable, enable, look) is package admin.
//
// A handler binds the request, calls one function, answers; the rules are in internal/account, the words of refusals in
// internal/web. A request's faults are all told at once. A SIP password leaves this package once, in the answer to the
// request that made it; what is stored are sealed hashes.
//
// Creation. plain: usable at once, everything as the operator says. wizard: a profile is required, the user name is the
// server's, and the account is pending until the phone activates itself. Settings that are left out are the profile's.
//
// The package never imports the store: its interfaces say what it needs.
package provisioning
