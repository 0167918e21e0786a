package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sipward/internal/apitest"
)

// terminal opens a pseudo-terminal: what a person types at one end is the command's input at the other.
func terminal(t *testing.T) (person, input *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	input, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = input.Close() })
	return person, input
}

func TestDeletingAnAccountAsksAPerson(t *testing.T) {
	t.Parallel()
	con, api := openConsole(t)
	group := api.Group("Sales")
	remove := func(number, typed string, flags ...string) (stderr string, err error) {
		person, input := terminal(t)
		if _, err := person.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		root := rootCommand(func(string) (string, bool) { return "", false })
		root.SetArgs(append([]string{"account", "delete", number, "--api", con.base, "--token", apitest.Bootstrap}, flags...))
		var out, errs bytes.Buffer
		root.SetIn(input)
		root.SetOut(&out)
		root.SetErr(&errs)
		err = root.ExecuteContext(t.Context())
		return errs.String(), err
	}
	for i, typed := range []string{"\n", "n\n", "yess\n", "\x04"} { // the last one is end of file
		number := fmt.Sprint(211 + i)
		api.Account(group, "Ann", number, nil)
		if errs, err := remove(number, typed); err == nil || !strings.Contains(err.Error(), "nothing done") || !strings.Contains(errs, "Ann, number "+number) {
			t.Errorf("%q: %v, asked %q", typed, err, errs)
		}
		con.run(exitDone, "account", "show", number)
	}
	if _, err := remove("211", "y\n"); err != nil {
		t.Error(err)
	}
	if errs, err := remove("212", "", "--yes"); err != nil || errs != "" {
		t.Errorf("--yes: %v, asked %q", err, errs)
	}
	for _, gone := range []string{"211", "212"} {
		con.run(exitFailed, "account", "show", gone)
	}
}
