package eventbridge_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/bus"
)

// Schedules that the service was seen to accept and to reject.
func TestSDKSchedules(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	for _, expression := range []string{"rate(1 day)", "cron(15 10 ? * 6L 2002-2005)", "cron(0 2 ? * SAT#3 *)", "cron(0/5 5 ? JAN 1-5 2022)"} {
		_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), ScheduleExpression: &expression})
		check(t, err)
		got, err := c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("r")})
		check(t, err)
		if *got.ScheduleExpression != expression || got.EventPattern != nil {
			t.Errorf("described %+v", got)
		}
	}
	for _, expression := range []string{"rate(10 seconds)", "rate(1 days)", "rate( 10 minutes )", " rate(10 minutes)", "rate(10 MINUTES)", "cron(0 1 * * * *)", "cron(71 8 1 * ? *)"} {
		_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), ScheduleExpression: &expression})
		fails(t, err, "ValidationException", "Parameter ScheduleExpression is not valid.")
	}
}
