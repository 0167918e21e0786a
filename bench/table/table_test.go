package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Repetitions are compared pair by pair; what was not measured is said to be so.
func TestTable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "results.tsv")
	lines := []string{
		"kam6-wt/reg_udp\treg_cpu_us_per_op\t100\tus", "sipward/reg_udp\treg_cpu_us_per_op\t30\tus", "sipward/reg_udp\treg_aux_cpu_us_per_op\t9\tus",
		"kam6-wt/reg_udp\treg_cpu_us_per_op\t200\tus", "sipward/reg_udp\treg_cpu_us_per_op\t50\tus", "sipward/reg_udp\treg_aux_cpu_us_per_op\t11\tus",
		"kam6-wt/reg_udp\treg_cpu_us_per_op\t50\tus", "sipward/reg_udp\treg_cpu_us_per_op\t20\tus", "sipward/reg_udp\treg_aux_cpu_us_per_op\t10\tus",
		"rtpengine/rtp_loop\trtp_max_streams_ok\t1000\tstream", "sipward/rtp_loop\trtp_max_streams_ok\t3000\tstream",
		"rtpengine/rtp_loop\trtp_1000_iat_dev_p99\t1\tms", "sipward/rtp_loop\trtp_1000_iat_dev_p99\t3.5\tms",
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(file, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| kam6-wt 100 us | 30 us | 10 | 0.30 (0.25 to 0.40) | 0.35 | yes | 3 |",
		"| rtpengine 1000 streams | 3000 streams | – | 3.00 (3.00 to 3.00) | at least 1.2 | yes | 1 |",
		"| rtpengine 1 ms | 3.5 ms | – | – | 3 ms | no | 1 |",
		"| kam6-redis – | | | | 0.22 | not measured | 0 |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
