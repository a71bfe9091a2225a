"""Drives tables with boto3, its client and its resource, and fails at the first
answer that is not DynamoDB's. The endpoint is the first argument."""

import sys
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

options = {"endpoint_url": sys.argv[1], "region_name": "us-east-1"}
client, resource = boto3.client("dynamodb", **options), boto3.resource("dynamodb", **options)
name = "py-orders-" + boto3.__version__.replace(".", "-")

table = resource.create_table(
    TableName=name,
    BillingMode="PROVISIONED",
    ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": a, "AttributeType": t} for a, t in (("pk", "S"), ("sk", "N"), ("who", "S"))],
    GlobalSecondaryIndexes=[{
        "IndexName": "by-who",
        "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["sum_of"]},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    }],
)
table.wait_until_exists()
with table.batch_writer() as batch:  # 60 items, in batches of 25
    for i in range(60):
        batch.put_item(Item={"pk": "p", "sk": i, "who": "w%d" % (i % 4), "sum_of": Decimal("1.50") * i, "tags": {"x", "y"}, "bin": b"\x00\xff", "none": None, "map": {"l": [1, {"m": True}]}})

assert table.query(KeyConditionExpression=Key("pk").eq("p") & Key("sk").between(10, 19))["Count"] == 10
held = table.query(IndexName="by-who", KeyConditionExpression=Key("who").eq("w2"), FilterExpression=Attr("sum_of").gt(Decimal("80")))
assert [sorted(i) for i in held["Items"]] == [["pk", "sk", "sum_of", "who"]] * 2, held
seen, pages = 0, client.get_paginator("scan").paginate(TableName=name, PaginationConfig={"PageSize": 7})
for page in pages:
    seen += page["Count"]
assert seen == 60
item = table.get_item(Key={"pk": "p", "sk": 3})["Item"]
assert item["sum_of"] == Decimal("4.5") and item["tags"] == {"x", "y"} and item["bin"].value == b"\x00\xff" and item["map"] == {"l": [1, {"m": True}]}, item

changed = table.update_item(
    Key={"pk": "p", "sk": 3}, UpdateExpression="SET sum_of = sum_of - :n, #m.#l = list_append(#m.#l, :more) DELETE tags :x", ConditionExpression=Attr("who").eq("w3"),
    ExpressionAttributeNames={"#m": "map", "#l": "l"}, ExpressionAttributeValues={":n": Decimal("0.25"), ":more": ["z"], ":x": {"x"}}, ReturnValues="ALL_NEW",
)["Attributes"]
assert changed["sum_of"] == Decimal("4.25") and changed["tags"] == {"y"} and changed["map"]["l"][2] == "z", changed

# What clients wrote before there were expressions.
old = client.query(TableName=name, KeyConditions={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "p"}]}, "sk": {"ComparisonOperator": "LT", "AttributeValueList": [{"N": "3"}]}}, AttributesToGet=["sk"])
assert [i["sk"]["N"] for i in old["Items"]] == ["0", "1", "2"], old
client.update_item(TableName=name, Key={"pk": {"S": "p"}, "sk": {"N": "0"}}, AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "2"}}}, Expected={"n": {"Exists": False}})
try:
    client.put_item(TableName=name, Item={"pk": {"S": "p"}, "sk": {"N": "0"}}, Expected={"n": {"Value": {"N": "3"}}})
    raise AssertionError("an unmet expectation passed")
except ClientError as err:
    assert err.response["Error"]["Code"] == "ConditionalCheckFailedException", err

try:
    client.transact_write_items(TransactItems=[
        {"ConditionCheck": {"TableName": name, "Key": {"pk": {"S": "p"}, "sk": {"N": "0"}}, "ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": "9"}}}},
        {"Delete": {"TableName": name, "Key": {"pk": {"S": "p"}, "sk": {"N": "1"}}}},
    ])
    raise AssertionError("an unmet condition passed")
except client.exceptions.TransactionCanceledException as err:
    assert [r["Code"] for r in err.response["CancellationReasons"]] == ["ConditionalCheckFailed", "None"], err.response
assert client.batch_get_item(RequestItems={name: {"Keys": [{"pk": {"S": "p"}, "sk": {"N": "1"}}]}})["Responses"][name]
described = client.describe_table(TableName=name)["Table"]
assert described["ItemCount"] == 60 and described["GlobalSecondaryIndexes"][0]["ItemCount"] == 60, described
table.delete()
print("ok")
