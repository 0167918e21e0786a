package failpoint

// Variable is the environment's variable that arms one point: "name=chance", the chance from 0 to 1.
const Variable = "SIPWARD_TEST_FAILPOINT"

// The places, each in the order of one operation.
const (
	BeforeWrite  = "store.write.before"   // a transaction was built and not handed to the store
	AfterWrite   = "store.write.after"    // it is committed; neither memory nor the caller knows yet
	BeforeChange = "store.change.before"  // a change came by the stream and is not applied to the cache
	BeforeOK     = "register.ok.before"   // the binding is stored, the phone has no answer
	AfterOK      = "register.ok.after"    // the phone has its 200; the session log may not know it
	BeforeSend   = "outbox.send.before"   // a message is claimed and not given to the gateway
	AfterSend    = "outbox.send.after"    // the gateway has it; its outcome is not recorded
	InRevocation = "keys.revoke.unlogged" // the keys are revoked; the log of keys does not say so
	BeforeLink   = "link.redeem.untold"   // the link is used up; the device has no configuration
)

// All are the names of all places, for a test that goes through them.
func All() []string {
	return []string{BeforeWrite, AfterWrite, BeforeChange, BeforeOK, AfterOK, BeforeSend, AfterSend, InRevocation, BeforeLink}
}
