package dynamodb_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// roles returns a key schema: names of partition attributes, then of sort attributes.
func roles(hash, sort string) (out []types.KeySchemaElement) {
	for _, name := range strings.Fields(hash) {
		out = append(out, types.KeySchemaElement{AttributeName: &name, KeyType: types.KeyTypeHash})
	}
	for _, name := range strings.Fields(sort) {
		out = append(out, types.KeySchemaElement{AttributeName: &name, KeyType: types.KeyTypeRange})
	}
	return out
}

// matchesTable returns a table of which one index has two partition and three sort
// attributes, and one has the table's partition key as its last sort attribute.
func matchesTable() *sdk.CreateTableInput {
	in := &sdk.CreateTableInput{
		TableName: aws.String("matches"), KeySchema: roles("id", ""), BillingMode: types.BillingModePayPerRequest,
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			{IndexName: aws.String("byRegion"), KeySchema: roles("cup region", "round score id"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}},
			{IndexName: aws.String("byPlayer"), KeySchema: roles("player", "day round"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}},
		},
	}
	for _, name := range []string{"id", "cup", "region", "round", "score", "player", "day"} {
		kind := types.ScalarAttributeTypeS
		if name == "score" {
			kind = types.ScalarAttributeTypeN
		}
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &name, AttributeType: kind})
	}
	return in
}

// match returns an item with all key attributes of both indexes.
func match(id, region, round string, score int) attrs {
	return attrs{"id": s(id), "cup": s("w"), "region": s(region), "round": s(round), "score": n(score), "player": s("ann"), "day": s("mon"), "note": s("x")}
}

// queryMatches queries an index of matches and returns the ids of all its pages of two items.
func queryMatches(t *testing.T, c *sdk.Client, in *sdk.QueryInput) (ids []string) {
	t.Helper()
	in.TableName, in.Limit = aws.String("matches"), aws.Int32(2)
	for pages := sdk.NewQueryPaginator(c, in); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			ids = append(ids, it["id"].(*types.AttributeValueMemberS).Value)
		}
	}
	return ids
}

// fillMatches makes the table of matches with some items, of which g, h and i lack an
// attribute of byRegion.
func fillMatches(t *testing.T, c *sdk.Client) {
	t.Helper()
	if _, err := c.CreateTable(t.Context(), matchesTable()); err != nil {
		t.Fatal(err)
	}
	rows := []attrs{
		match("a", "east", "final", 10), match("b", "east", "final", 9), match("c", "east", "semi", 100), match("d", "east", "semi", 100),
		match("e", "east", "semi", -3), match("f", "west", "final", 1), match("g", "east", "semi", 1), match("h", "east", "semi", 1), match("i", "east", "semi", 1),
	}
	delete(rows[6], "region")
	delete(rows[7], "score")
	delete(rows[8], "round")
	for _, row := range rows {
		if _, err := c.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("matches"), Item: row}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMultiAttributeIndexQueries(t *testing.T) {
	c := start(t, false).client()
	fillMatches(t, c)
	values := attrs{":w": s("w"), ":e": s("east"), ":r": s("semi"), ":f": s("f"), ":n": n(9), ":m": n(100), ":c": s("c"), ":ann": s("ann"), ":mon": s("mon")}
	for _, q := range []struct{ index, condition, want string }{
		{"byRegion", "cup = :w AND #region = :e", "b a e c d"},
		{"byRegion", "#round = :r AND #region = :e AND cup = :w", "e c d"},
		{"byRegion", "cup = :w AND #region = :e AND begins_with(#round, :f)", "b a"},
		{"byRegion", "cup = :w AND #region = :e AND #round < :r", "b a"},
		{"byRegion", "cup = :w AND #region = :e AND #round = :r AND score >= :n", "c d"},
		{"byRegion", "cup = :w AND #region = :e AND #round = :r AND score BETWEEN :n AND :m", "c d"},
		{"byRegion", "cup = :w AND #region = :e AND #round = :r AND score = :m AND id > :c", "d"},
		{"byRegion", "cup = :w AND #region = :e AND #round = :r AND score = :m AND id = :c", "c"},
		{"byPlayer", "player = :ann", "a b f c d e g h"},
		{"byPlayer", "player = :ann AND #day = :mon AND #round = :r", "c d e g h"},
	} {
		used, names := attrs{}, map[string]string{}
		for k, v := range values {
			if slices.Contains(strings.FieldsFunc(q.condition, func(r rune) bool { return strings.ContainsRune(" ,()", r) }), k) {
				used[k] = v
			}
		}
		for _, name := range []string{"region", "round", "day"} {
			if strings.Contains(q.condition, "#"+name) {
				names["#"+name] = name
			}
		}
		if len(names) == 0 {
			names = nil
		}
		in := sdk.QueryInput{IndexName: &q.index, KeyConditionExpression: &q.condition, ExpressionAttributeValues: used, ExpressionAttributeNames: names}
		if got := strings.Join(queryMatches(t, c, &in), " "); got != q.want {
			t.Errorf("%s: %s, want %s", q.condition, got, q.want)
		}
		in.ScanIndexForward = aws.Bool(false)
		got := queryMatches(t, c, &in)
		slices.Reverse(got)
		if strings.Join(got, " ") != q.want {
			t.Errorf("%s, backward: %v, want %s in reverse", q.condition, got, q.want)
		}
	}
	legacy := map[string]types.Condition{}
	for name, v := range map[string]types.AttributeValue{"cup": s("w"), "region": s("east"), "round": s("semi")} {
		legacy[name] = types.Condition{ComparisonOperator: types.ComparisonOperatorEq, AttributeValueList: []types.AttributeValue{v}}
	}
	legacy["score"] = types.Condition{ComparisonOperator: types.ComparisonOperatorGt, AttributeValueList: []types.AttributeValue{n(9)}}
	if got := queryMatches(t, c, &sdk.QueryInput{IndexName: aws.String("byRegion"), KeyConditions: legacy}); strings.Join(got, " ") != "c d" {
		t.Errorf("KeyConditions: %v", got)
	}
}

// The index holds the items that have all of its attributes, follows each change of one
// of them, and is described and counted as it is.
func TestMultiAttributeIndexIsDescribedAndFollows(t *testing.T) {
	c := start(t, false).client()
	fillMatches(t, c)
	ctx, name := t.Context(), aws.String("matches")
	scan := func(index string) (ids []string, first attrs) {
		var pages = sdk.NewScanPaginator(c, &sdk.ScanInput{TableName: name, IndexName: &index, Limit: aws.Int32(3)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				ids = append(ids, it["id"].(*types.AttributeValueMemberS).Value)
				first = it
			}
		}
		slices.Sort(ids)
		return ids, first
	}
	ids, one := scan("byRegion")
	if strings.Join(ids, "") != "abcdef" {
		t.Errorf("byRegion holds %v", ids)
	}
	if got := slices.Sorted(maps.Keys(one)); !slices.Equal(got, []string{"cup", "id", "region", "round", "score"}) {
		t.Errorf("KEYS_ONLY holds %v", got)
	}
	d, err := c.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: name})
	if err != nil {
		t.Fatal(err)
	}
	x := d.Table.GlobalSecondaryIndexes[0]
	if fmt.Sprint(described(x.KeySchema)) != "[cup HASH region HASH round RANGE score RANGE id RANGE]" || *x.ItemCount != 6 || len(d.Table.AttributeDefinitions) != 7 {
		t.Errorf("described as %v of %d items, with %d definitions", described(x.KeySchema), *x.ItemCount, len(d.Table.AttributeDefinitions))
	}
	page, err := c.Query(ctx, &sdk.QueryInput{
		TableName: name, IndexName: aws.String("byRegion"), KeyConditionExpression: aws.String("cup = :w AND #r = :e"), Limit: aws.Int32(1), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		ExpressionAttributeNames: map[string]string{"#r": "region"}, ExpressionAttributeValues: attrs{":w": s("w"), ":e": s("east")},
	})
	if err != nil || !slices.Equal(slices.Sorted(maps.Keys(page.LastEvaluatedKey)), []string{"cup", "id", "region", "round", "score"}) || *page.ConsumedCapacity.GlobalSecondaryIndexes["byRegion"].CapacityUnits != 0.5 {
		t.Errorf("%+v, %v", page, err)
	}
	for _, change := range []struct{ update, want string }{
		{"REMOVE #r", "abcdf"}, {"SET #r = :x", "abcdef"}, {"REMOVE score", "abcdf"}, {"SET score = :n", "abcdef"}, {"REMOVE cup, score", "abcdf"}, {"SET cup = :x, score = :n", "abcdef"},
	} {
		in := &sdk.UpdateItemInput{TableName: name, Key: attrs{"id": s("e")}, UpdateExpression: &change.update}
		if strings.Contains(change.update, "#r") {
			in.ExpressionAttributeNames = map[string]string{"#r": "round"}
		}
		for v, value := range map[string]types.AttributeValue{":x": s("w"), ":n": n(7)} {
			if strings.Contains(change.update, v) {
				in.ExpressionAttributeValues = with(in.ExpressionAttributeValues, v, value)
			}
		}
		if _, err := c.UpdateItem(ctx, in); err != nil {
			t.Fatal(err)
		}
		if ids, _ := scan("byRegion"); strings.Join(ids, "") != change.want {
			t.Errorf("after %s byRegion holds %v", change.update, ids)
		}
	}
}

func with(m attrs, name string, v types.AttributeValue) attrs {
	if m == nil {
		m = attrs{}
	}
	m[name] = v
	return m
}

func described(keys []types.KeySchemaElement) (out []string) {
	for _, k := range keys {
		out = append(out, *k.AttributeName+" "+string(k.KeyType))
	}
	return out
}

// An index that is created later is filled with the items that have all its attributes.
func TestMultiAttributeIndexIsBackfilled(t *testing.T) {
	c := start(t, false).client()
	fillMatches(t, c)
	names := "id day player region score"
	in := &sdk.UpdateTableInput{TableName: aws.String("matches"), GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
		IndexName: aws.String("late"), KeySchema: roles("day player", "region score"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
	}}}}
	for _, name := range strings.Fields(names) {
		kind := types.ScalarAttributeTypeS
		if name == "score" {
			kind = types.ScalarAttributeTypeN
		}
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &name, AttributeType: kind})
	}
	if _, err := c.UpdateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	awaitIndex(t, c, "matches", "late")
	q := &sdk.QueryInput{
		IndexName: aws.String("late"), KeyConditionExpression: aws.String("#d = :mon AND player = :ann AND #r = :e"),
		ExpressionAttributeNames: map[string]string{"#d": "day", "#r": "region"}, ExpressionAttributeValues: attrs{":mon": s("mon"), ":ann": s("ann"), ":e": s("east")},
	}
	if got := strings.Join(queryMatches(t, c, q), " "); got != "e i b a c d" {
		t.Errorf("late holds %s", got)
	}
}

// awaitIndex waits until an index is active.
func awaitIndex(t *testing.T, c *sdk.Client, table, index string) {
	t.Helper()
	for t.Context().Err() == nil {
		d, err := c.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range d.Table.GlobalSecondaryIndexes {
			if *x.IndexName == index && x.IndexStatus == types.IndexStatusActive {
				return
			}
		}
	}
}

// refusedAs checks that an error is a ValidationException of that text.
func refusedAs(t *testing.T, what string, err error, want string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" || api.ErrorMessage() != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

// A key of an index that is none is refused when a table is made and when it is changed.
func TestMultiAttributeKeysRefused(t *testing.T) {
	c := start(t, false).client()
	fillMatches(t, c)
	var definitions []types.AttributeDefinition
	for _, name := range []string{"id", "a", "b", "c", "d", "e", "f"} {
		definitions = append(definitions, types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
	}
	for _, x := range []struct {
		keys []types.KeySchemaElement
		want string
	}{
		{roles("a b c d e", ""), ones + "The KeySchema exceeds the maximum allowed number of HASH key attributes"},
		{roles("a", "b c d e f"), ones + "The KeySchema exceeds the maximum allowed number of RANGE key attributes"},
		{append(roles("a", "b"), roles("c", "")...), ones + "All HASH key attributes must precede RANGE key attributes in the KeySchema"},
		{roles("a a", ""), "The KeySchema contains multiple key attributes with the same name"},
		{roles("a b", "a"), "The KeySchema contains multiple key attributes with the same name"},
		{roles("", "a b"), "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"},
		{roles("a zz", "b"), ones + "Some index key attributes are not defined in AttributeDefinitions. Keys: [a, zz, b], AttributeDefinitions: [id, a, b, c, d, e, f]"},
	} {
		all := &types.Projection{ProjectionType: types.ProjectionTypeAll}
		_, err := c.CreateTable(t.Context(), &sdk.CreateTableInput{
			TableName: aws.String("wrong"), KeySchema: roles("id", ""), BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: definitions,
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("many"), KeySchema: x.keys, Projection: all}},
		})
		refusedAs(t, fmt.Sprint(described(x.keys)), err, x.want)
		_, err = c.UpdateTable(t.Context(), &sdk.UpdateTableInput{
			TableName: aws.String("matches"), AttributeDefinitions: definitions,
			GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{IndexName: aws.String("many"), KeySchema: x.keys, Projection: all}}},
		})
		refusedAs(t, "updated: "+fmt.Sprint(described(x.keys)), err, x.want)
	}
}

// Tables and local indexes keep one partition and at most one sort attribute.
func TestOnlyGlobalIndexesHaveMultiAttributeKeys(t *testing.T) {
	c := start(t, false).client()
	in := ordersTable()
	in.LocalSecondaryIndexes[0].KeySchema = roles("pk", "sum sk")
	_, err := c.CreateTable(t.Context(), in)
	refusedAs(t, "local index", err, "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=sum, keyType=RANGE), "+
		"KeySchemaElement(attributeName=sk, keyType=RANGE)]' at 'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have length less than or equal to 2")
	in.LocalSecondaryIndexes[0].KeySchema = roles("pk sum", "")
	_, err = c.CreateTable(t.Context(), in)
	refusedAs(t, "local index of two partition attributes", err, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	in = ordersTable()
	in.KeySchema = roles("pk who", "sk")
	_, err = c.CreateTable(t.Context(), in)
	refusedAs(t, "table", err, "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=who, keyType=HASH), "+
		"KeySchemaElement(attributeName=sk, keyType=RANGE)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2")
}

// KeyConditions of three attributes are for indexes that have so many.
func TestKeyConditionsOfThreeAttributes(t *testing.T) {
	c := start(t, false).client()
	if _, err := c.CreateTable(t.Context(), ordersTable()); err != nil {
		t.Fatal(err)
	}
	is := types.Condition{ComparisonOperator: types.ComparisonOperatorEq, AttributeValueList: []types.AttributeValue{s("x")}}
	for _, index := range []*string{nil, aws.String("byWho"), aws.String("bySum")} {
		_, err := c.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"), IndexName: index, KeyConditions: map[string]types.Condition{"who": is, "sum": is, "pk": is}})
		refusedAs(t, aws.ToString(index), err, "Conditions can be of length 1 or 2 only")
	}
}

// What no query, write or statement may do with such an index is refused.
func TestMultiAttributeIndexRefusals(t *testing.T) {
	c := start(t, false).client()
	fillMatches(t, c)
	for condition, want := range map[string]string{
		"cup = :a":                  "HASH key attributes region must have equality conditions specified in the query",
		"cup = :a AND #region > :a": "HASH key attributes region must have equality conditions specified in the query",
		"cup = :a AND #region = :a AND score = :n":                 "RANGE key attributes round must have equality conditions specified in the query because a condition is present on key attribute score",
		"cup = :a AND #region = :a AND #round > :a AND score > :n": "RANGE key attributes round must have equality conditions specified in the query because a condition is present on key attribute score",
		"cup = :a AND #region = :n":                                ones + "Condition parameter type does not match schema type",
	} {
		in := &sdk.QueryInput{TableName: aws.String("matches"), IndexName: aws.String("byRegion"), KeyConditionExpression: &condition, ExpressionAttributeValues: attrs{}}
		for v, value := range map[string]types.AttributeValue{":a": s("w"), ":n": n(1)} {
			if strings.Contains(condition, v) {
				in.ExpressionAttributeValues[v] = value
			}
		}
		for _, name := range []string{"region", "round"} {
			if strings.Contains(condition, "#"+name) {
				if in.ExpressionAttributeNames == nil {
					in.ExpressionAttributeNames = map[string]string{}
				}
				in.ExpressionAttributeNames["#"+name] = name
			}
		}
		_, err := c.Query(t.Context(), in)
		refusedAs(t, condition, err, want)
	}
	bad := match("z", "east", "final", 1)
	bad["score"] = s("high")
	_, err := c.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("matches"), Item: bad})
	refusedAs(t, "a sort attribute of another type", err, ones+"Type mismatch for Index Key score Expected: N Actual: S IndexName: byRegion")
	large := match("z", strings.Repeat("r", 1500), "final", 1)
	large["cup"] = s(strings.Repeat("c", 600))
	_, err = c.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("matches"), Item: large})
	refusedAs(t, "partition attributes of 2,100 bytes", err, ones+"Size of hashkey has exceeded the maximum size limit of2048 bytes. IndexName: byRegion, IndexKey: region")
	_, err = c.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("matches"), IndexName: aws.String("byRegion"),
		ExclusiveStartKey: attrs{"id": s("a"), "cup": s("w"), "round": s("semi"), "score": n(1)}})
	if err == nil || !strings.Contains(err.Error(), "The provided starting key is invalid") {
		t.Errorf("a starting key without a partition attribute: %v", err)
	}
	const noPartiQL = "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."
	for _, statement := range []string{
		`SELECT * FROM "matches"."byRegion" WHERE cup = 'w' AND region = 'east'`, `SELECT * FROM "matches"."byRegion"`, `SELECT id FROM "matches"."byPlayer" WHERE player = 'ann' ORDER BY day`,
		`SELECT * FROM "matches"."byRegion" WHERE cup = 5`,
	} {
		_, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: &statement})
		refusedAs(t, statement, err, noPartiQL)
	}
	batch, err := c.BatchExecuteStatement(t.Context(), &sdk.BatchExecuteStatementInput{Statements: []types.BatchStatementRequest{
		{Statement: aws.String(`SELECT * FROM "matches"."byRegion" WHERE cup = 'w' AND region = 'east'`)}, {Statement: aws.String(`SELECT * FROM "matches" WHERE id = 'a'`)},
	}})
	if err != nil || batch.Responses[0].Error == nil || *batch.Responses[0].Error.Message != noPartiQL || batch.Responses[1].Error != nil {
		t.Errorf("%+v, %v", batch, err)
	}
}
