// Package operator holds the nouns of operators' access: who may sign in, sessions, the sign-in log, set-up links. No I/O.
//
// Secrets never stand here in clear: passwords are Argon2id hashes (package password), second factors are sealed boxes,
// sessions and links are known by the SHA-256 of what their holder shows.
package operator
