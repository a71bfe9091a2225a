package dynamodb

import (
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

// An indexUpdate is a GlobalSecondaryIndexUpdate: one of its members is given.
type indexUpdate struct {
	Create *indexRequest `model:"CreateGlobalSecondaryIndexAction"`
	Update *struct {
		IndexName             *string
		ProvisionedThroughput *provisionedThroughput

		// What is accepted and not kept.
		OnDemandThroughput, WarmThroughput *struct{}
	} `model:"UpdateGlobalSecondaryIndexAction"`
	Delete *struct{ IndexName *string } `model:"DeleteGlobalSecondaryIndexAction"`
}

// constraints checks the update against the model.
func (u *indexUpdate) constraints(v *awsjson.Validator, path string) {
	if u.Create != nil {
		u.Create.constraints(v, path+"create", 0)
	}
	if x := u.Update; x != nil {
		v.RequiredText(x.IndexName, path+"update.indexName", nameText)
		v.Required(x.ProvisionedThroughput != nil || x.OnDemandThroughput != nil || x.WarmThroughput != nil, path+"update.provisionedThroughput")
		x.ProvisionedThroughput.constraints(v, path+"update.provisionedThroughput")
	}
	if u.Delete != nil {
		v.RequiredText(u.Delete.IndexName, path+"delete.indexName", nameText)
	}
}

// actions returns how many of its members the update has.
func (u *indexUpdate) actions() int {
	n := 0
	for _, given := range []bool{u.Create != nil, u.Update != nil, u.Delete != nil} {
		if given {
			n++
		}
	}
	return n
}

// name returns the name of the index that the checked update is about.
func (u *indexUpdate) name() string {
	switch {
	case u.Create != nil:
		return *u.Create.IndexName
	case u.Update != nil:
		return *u.Update.IndexName
	default:
		return *u.Delete.IndexName
	}
}

// online returns how many indexes are created or deleted.
func online(updates []indexUpdate) int {
	n := 0
	for _, u := range updates {
		if u.Create != nil || u.Delete != nil {
			n++
		}
	}
	return n
}

// checkActions checks what the updates of indexes say by themselves: each does one
// thing, to another index than the others.
func checkActions(updates []indexUpdate) error {
	if updates != nil && len(updates) == 0 {
		return awsjson.Validation(invalidOnes + "List of GlobalSecondaryIndexUpdates is empty")
	}
	seen := map[string]bool{}
	for _, u := range updates {
		switch n := u.actions(); {
		case n == 0:
			return awsjson.Validation(invalidOnes + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null")
		case n > 1:
			return awsjson.Validation(invalidOnes + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object")
		case seen[u.name()]:
			return awsjson.Validation(invalidOnes + "Only one global secondary index update per index is allowed simultaneously. Index: " + u.name())
		}
		seen[u.name()] = true
		if u.Update != nil {
			if _, err := u.Update.ProvisionedThroughput.units(" for index " + u.name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexChanges returns the changes of the indexes of a table as it is, which will
// have the billing mode.
func (r *tableRequest) indexChanges(before table.Description, mode table.Billing) ([]table.IndexChange, error) {
	var out []table.IndexChange
	for _, u := range r.GlobalSecondaryIndexUpdates {
		switch {
		case u.Create != nil:
			spec, err := r.created(u.Create, mode)
			if err != nil {
				return nil, err
			}
			out = append(out, table.IndexChange{Create: &spec})
		case u.Delete != nil:
			out = append(out, table.IndexChange{Delete: u.name()})
		default:
			units, err := u.retuned(before, mode)
			if err != nil {
				return nil, err
			}
			if units != nil {
				out = append(out, table.IndexChange{Update: u.name(), Throughput: *units})
			}
		}
	}
	return out, oneOnline(before, r.GlobalSecondaryIndexUpdates)
}

// created returns the index that a checked update creates. The request defines the
// attributes of its keys, even those that the table has already.
func (r *tableRequest) created(x *indexRequest, mode table.Billing) (table.IndexSpec, error) {
	if r.AttributeDefinitions == nil {
		return table.IndexSpec{}, awsjson.Validation(invalidOnes + "AttributeDefinitions is not specified for index: " + *x.IndexName)
	}
	d, err := r.definitions()
	if err != nil {
		return table.IndexSpec{}, err
	}
	schema, err := d.globalSchema(x.KeySchema)
	if err != nil {
		return table.IndexSpec{}, err
	}
	return x.global(schema, mode, unitsOfUpdate)
}

// retuned returns the throughput that a checked update gives its index; nil if it
// changes only what is not kept.
func (u *indexUpdate) retuned(before table.Description, mode table.Billing) (*table.Throughput, error) {
	units, err := u.Update.ProvisionedThroughput.units("")
	i := slices.IndexFunc(before.Indexes, func(x table.IndexDescription) bool { return x.Name == u.name() && !x.Local })
	switch {
	case u.Update.ProvisionedThroughput == nil && i < 0:
		return nil, fmt.Errorf("%w: %s for table %s", table.ErrIndexNotFound, u.name(), before.Name)
	case u.Update.ProvisionedThroughput == nil:
		return nil, nil
	case err != nil:
		return nil, err
	case mode == table.PayPerRequest:
		return nil, awsjson.Validation(invalidOnes + "The only Updates for index: " + u.name() + " when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput")
	case i >= 0 && before.Billing == mode && before.Indexes[i].Throughput == units:
		return nil, errUnchanged("the index "+u.name(), "index "+u.name(), units)
	default:
		return &units, nil
	}
}

// oneOnline refuses to create or delete two indexes at once, or one while another
// is being created.
func oneOnline(before table.Description, updates []indexUpdate) error {
	busy := func(x table.IndexDescription) bool {
		return x.Backfilling && slices.ContainsFunc(updates, func(u indexUpdate) bool { return u.Create != nil || u.Delete != nil && u.name() != x.Name })
	}
	if online(updates) > 1 || slices.ContainsFunc(before.Indexes, busy) {
		return &awsjson.Error{Type: "LimitExceededException", Message: "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"}
	}
	return nil
}
