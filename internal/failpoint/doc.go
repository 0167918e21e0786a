// Package failpoint names the places at which a test may have the process die, as a machine may at any time (F10 of the
// acceptance list). A normal build has nothing there: [Here] is empty and is inlined away. A build with the tag failpoint
// reads SIPWARD_TEST_FAILPOINT, "name=chance", at each of them, and kills itself by SIGKILL with that chance where the
// name is its own; nothing is flushed, closed or told to anybody.
package failpoint
