//go:build accept

package sip_test

import "testing"

func TestTenThousandCallsLeaveNothingBehind(t *testing.T) { leaveNothing(t, 10000) }
