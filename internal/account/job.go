package account

import "time"

// Job is a task that outlives the request that began it.
type Job struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`  // import
	State    string     `json:"state"` // running, done, failed
	By       string     `json:"created_by"`
	Total    int        `json:"total"`
	Done     int        `json:"done"`
	Created  int        `json:"created"`  // made by this job
	Existing int        `json:"existing"` // there already, from the same row
	Reason   string     `json:"reason,omitempty"`
	Faults   []RowFault `json:"faults"` // at most 1000
	Begun    time.Time  `json:"begun_at"`
	Ended    time.Time  `json:"ended_at,omitzero"`
}

// RowFault is what is wrong in one row of a file, and the mend.
type RowFault struct {
	Row     int    `json:"row"`    // line of the file, the header is 1
	Column  string `json:"column"` // empty: the row as a whole
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The states of a job.
const (
	JobRunning = "running"
	JobDone    = "done"
	JobFailed  = "failed"
)
