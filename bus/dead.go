package bus

import (
	"strconv"

	"github.com/tablecast/tablecast/delivery"
)

// DeadAttributes returns the message attributes that EventBridge sends with an
// event to a dead-letter queue: RULE_ARN, TARGET_ARN, ERROR_CODE, ERROR_MESSAGE,
// RETRY_ATTEMPTS and, unless the failure was permanent,
// EXHAUSTED_RETRY_CONDITION.
func (b *Buses) DeadAttributes(d *delivery.DeadLetter) map[string]string {
	out := map[string]string{
		"RULE_ARN": b.RuleARN(d.Queue.Bus, d.Queue.Rule), "TARGET_ARN": d.ARN, "ERROR_CODE": d.Code, "ERROR_MESSAGE": d.Msg,
		"RETRY_ATTEMPTS": strconv.Itoa(max(d.Attempts-1, 0)),
	}
	if d.Condition != "" {
		out["EXHAUSTED_RETRY_CONDITION"] = d.Condition
	}
	return out
}
