package storetest

import "time"

// nowUTC is the time as it comes back from a record: in UTC and without a monotonic reading.
func nowUTC() time.Time { return time.Now().UTC().Round(0) }
