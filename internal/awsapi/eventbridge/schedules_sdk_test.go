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
	for _, expression := range []string{
		"rate(1 minute)", "rate(2 minutes)", "rate(1 hour)", "rate(5 hours)", "rate(1 day)",
		"cron(0 2 ? * SAT *)", "cron(0 12 * * ? *)", "cron(5,35 14 * * ? *)", "cron(15 10 ? * 6L 2002-2005)", "cron(0 2 ? * SAT#3 *)", "cron(* * ? * SAT#3 *)",
		"cron(0/5 5 ? JAN 1-5 2022)", "cron(15 12 * * ? *)", "cron(0 18 ? * MON-FRI *)", "cron(0 8 1 * ? *)", "cron(0/15 * * * ? *)",
		"cron(0/5 8-17 ? * MON-FRI *)", "cron(0/30 20-23 ? * MON-FRI *)",
	} {
		_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), ScheduleExpression: &expression})
		check(t, err)
		got, err := c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("r")})
		check(t, err)
		if *got.ScheduleExpression != expression || got.EventPattern != nil {
			t.Errorf("described %+v", got)
		}
	}
	for _, expression := range []string{
		"rate(10 seconds)", "rate(10 years)", "rate(1 minutes)", "rate(1 hours)", "rate(1 days)", "rate(10 minute)", "rate(10 hour)", "rate(10 day)",
		"rate()", "rate(10)", "rate(10 minutess)", "rate(foo minutes)", "rate(0 minutes)", "rate(-10 minutes)", "rate(10 MINUTES)", "rate( 10 minutes )",
		" rate(10 minutes)", "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "INVALID", "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)",
	} {
		_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), ScheduleExpression: &expression})
		fails(t, err, "ValidationException", "Parameter ScheduleExpression is not valid.")
	}
	_, err := c.CreateEventBus(ctx, &sdk.CreateEventBusInput{Name: aws.String("main")})
	check(t, err)
	_, err = c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventBusName: aws.String("main"), ScheduleExpression: aws.String("rate(1 day)")})
	fails(t, err, "ValidationException", "ScheduleExpression is supported only on the default event bus.")
}
