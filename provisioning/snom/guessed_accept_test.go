//go:build accept

package snom_test

// guessed is how many MACs a stranger tries.
const guessed = 10_000
