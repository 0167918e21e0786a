// Package kvtest holds what every adapter of the port must keep: Run is the conformance suite, one test for each promise
// in package kv, and Same runs random operations on two stores and compares. Redis, Sentinel and Cluster start real
// servers on free ports of 127.0.0.1, in temporary directories, and stop them with the test.
//
// A server that is not installed skips the test, and fails it when SIPWARD_REQUIRE_REDIS is 1.
package kvtest
