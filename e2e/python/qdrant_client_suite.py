"""The public Python client does everything that we promise of the dialect, against whatever listens at the base URL.

Run by hand:  pip install qdrant-client && python e2e/python/qdrant_client_suite.py http://127.0.0.1:6333
"""

import math
import sys
import time
import uuid

from qdrant_client import QdrantClient, models as m
from qdrant_client.http.exceptions import UnexpectedResponse

CONTINENTS = ["Europe", "Asia", "Africa", "America"]
TAGS = ["coast", "desert", "forest", "island", "mountain"]
BIG = 2**64 - 1


def unit(values):
    length = math.sqrt(sum(x * x for x in values))
    return [x / length for x in values]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def make_points():
    points = []
    for i in range(40):
        raw = [math.sin((i + 1) * k * 12.9898) + math.cos((i + 2) * k * k * 4.1414) for k in (1, 2, 3, 4)]
        payload = {
            "name": f"Country {i}",
            "continent": CONTINENTS[i % 4],
            "population": ((i * 7919) % 101) * 1000 + i,
            "area": i / 2 + 0.25,
            "founded": f"{1800 + (i * 37) % 200}-{i % 12 + 1:02d}-{i % 28 + 1:02d}T00:00:00Z",
            "tags": [tag for t, tag in enumerate(TAGS) if (i >> t) & 1],
            "cities": [{"name": f"Capital {i}", "rank": 1}, {"name": f"Port {i % 5}", "rank": 2 + i % 3}],
            "landlocked": i % 2 == 0,
        }
        if i % 3:
            payload["motto"] = None if i % 3 == 1 else f"The quick brown fox number {i} jumps over lazy dogs"
        ident = i * 3 + 1 if i < 30 else f"00000000-0000-4000-8000-0000000000{i}"
        points.append(m.PointStruct(id=ident, vector=unit(raw), payload=payload))
    return points


class Suite:
    def __init__(self, url):
        self.client = QdrantClient(url=url, timeout=60)
        self.prefix = f"py-{uuid.uuid4().hex[:8]}"
        self.name = f"{self.prefix}_Countries"
        self.points = make_points()
        self.calls = set()

    def call(self, method, *args, **kwargs):
        self.calls.add(method)
        return getattr(self.client, method)(*args, **kwargs)

    def status(self, method, *args, **kwargs):
        """The HTTP status that a call ends with."""
        try:
            self.call(method, *args, **kwargs)
            return 200
        except UnexpectedResponse as error:
            return error.status_code

    def nearest(self, vector, limit, points=None, without=()):
        found = [p for p in points or self.points if p.id not in without]
        found.sort(key=lambda p: -dot(vector, p.vector) / math.sqrt(dot(vector, vector)))
        return [p.id for p in found[:limit]]

    def ids(self, answer):
        return [p.id for p in answer.points]

    def collections(self):
        c = self.call
        vectors = m.VectorParams(size=4, distance=m.Distance.COSINE)
        assert c("create_collection", self.name, vectors_config=vectors, shard_number=2)
        assert self.status("create_collection", self.name, vectors_config=vectors) == 409
        assert c("collection_exists", self.name) and not c("collection_exists", f"{self.prefix}-none")
        assert self.name in [one.name for one in c("get_collections").collections]
        assert self.status("get_collection", f"{self.prefix}-none") == 404
        other = f"{self.prefix}-other"
        hnsw = m.HnswConfigDiff(m=8, ef_construct=60)
        assert c("create_collection", other, vectors_config=m.VectorParams(size=3, distance=m.Distance.DOT), hnsw_config=hnsw)
        assert c("update_collection", other, hnsw_config=m.HnswConfigDiff(ef_construct=70))
        info = c("get_collection", other)
        assert (info.config.hnsw_config.m, info.config.hnsw_config.ef_construct) == (8, 70), info.config.hnsw_config
        assert info.config.params.vectors.size == 3 and info.config.params.vectors.distance == m.Distance.DOT
        assert c("delete_collection", other) and not c("collection_exists", other)
        for bad in (
            {"vectors_config": {"image": vectors}},
            {"vectors_config": vectors, "sparse_vectors_config": {"text": m.SparseVectorParams()}},
            {"vectors_config": m.VectorParams(size=4, distance=m.Distance.MANHATTAN)},
        ):
            assert self.status("create_collection", other, **bad) == 400, bad
        assert c("get_aliases").aliases == []

    def fill(self):
        c = self.call
        result = c("upsert", self.name, points=self.points[:10], wait=True)
        assert result.status == m.UpdateStatus.COMPLETED
        batch = self.points[10:20]
        columns = m.Batch(ids=[p.id for p in batch], vectors=[p.vector for p in batch], payloads=[p.payload for p in batch])
        c("upsert", self.name, points=columns, wait=True)
        c("upload_points", self.name, points=self.points[20:30], batch_size=4, wait=True)
        rest = self.points[30:]
        c(
            "upload_collection",
            self.name,
            vectors=[p.vector for p in rest],
            payload=[p.payload for p in rest],
            ids=[p.id for p in rest],
            wait=True,
        )
        assert c("count", self.name, exact=True).count == 40
        deadline = time.monotonic() + 15
        # A copy that was slow to start may have left the in-sync set and be on its way back.
        while c("get_collection", self.name).status != m.CollectionStatus.GREEN and time.monotonic() < deadline:
            time.sleep(0.1)
        info = c("get_collection", self.name)
        assert info.points_count == 40 and info.status == m.CollectionStatus.GREEN, info

    def queries(self):
        c, name = self.call, self.name
        vector = [0.3, -0.2, 0.5, 0.7]
        found = c("query_points", name, query=vector, limit=5, with_payload=True, with_vectors=True).points
        assert [p.id for p in found] == self.nearest(vector, 5)
        by_id = {p.id: p for p in self.points}
        for p in found:
            assert abs(p.score - dot(vector, by_id[p.id].vector) / math.sqrt(dot(vector, vector))) < 1e-5
            assert p.payload == by_id[p.id].payload
            assert all(abs(x - y) < 1e-6 for x, y in zip(p.vector, by_id[p.id].vector))
        assert self.ids(c("query_points", name, query=vector, limit=7, offset=5)) == self.nearest(vector, 40)[5:12]
        params = m.SearchParams(hnsw_ef=64, exact=True)
        close = [p for p in self.points if dot(vector, p.vector) / math.sqrt(dot(vector, vector)) >= 0.4]
        scored = c("query_points", name, query=vector, score_threshold=0.4, limit=40, search_params=params)
        assert self.ids(scored) == self.nearest(vector, 40, close)
        me = self.points[3]
        assert self.ids(c("query_points", name, query=me.id, limit=6)) == self.nearest(me.vector, 6, without=[me.id])
        assert self.status("query_points", name, query=987654) == 404
        a, b, x = self.points[1], self.points[2], self.points[5]
        average = [p + q - r for p, q, r in zip(a.vector, b.vector, x.vector)]
        recommend = m.RecommendQuery(recommend=m.RecommendInput(positive=[a.id, b.id], negative=[x.id]))
        expected = self.nearest(average, 5, without=[a.id, b.id, x.id])
        assert self.ids(c("query_points", name, query=recommend, limit=5)) == expected
        best = m.RecommendInput(positive=[a.id], strategy=m.RecommendStrategy.BEST_SCORE)
        assert self.status("query_points", name, query=m.RecommendQuery(recommend=best)) == 400
        only = m.PayloadSelectorInclude(include=["name"])
        requests = [
            m.QueryRequest(query=vector, limit=3),
            m.QueryRequest(query=m.NearestQuery(nearest=me.id), limit=4, with_payload=only),
            m.QueryRequest(limit=2, filter=m.Filter(must=[m.HasIdCondition(has_id=[4, 7])])),
        ]
        first, second, third = c("query_batch_points", name, requests=requests)
        assert self.ids(first) == self.nearest(vector, 3)
        assert self.ids(second) == self.nearest(me.vector, 4, without=[me.id])
        assert all(list(p.payload) == ["name"] for p in second.points)
        assert self.ids(third) == [4, 7]
        fusion = m.FusionQuery(fusion=m.Fusion.RRF)
        assert self.status("query_points", name, query=fusion, prefetch=[m.Prefetch(query=vector)]) == 400
        assert self.status("query_points", name, query=[1.0, 2.0]) == 400
        assert self.status("query_points", name, query=vector, using="image") == 400

    def reads(self):
        c, name = self.call, self.name
        uuid_point = self.points[30]
        records = c("retrieve", name, ids=[1, uuid_point.id, 777777], with_payload=["name"], with_vectors=True)
        assert {r.id for r in records} == {1, uuid_point.id}
        assert all(list(r.payload) == ["name"] and len(r.vector) == 4 for r in records)
        excluded = c("retrieve", name, ids=[1], with_payload=m.PayloadSelectorExclude(exclude=["name", "tags"]))[0].payload
        assert "name" not in excluded and "continent" in excluded
        seen, offset = [], None
        while True:
            page, offset = c("scroll", name, limit=7, offset=offset, with_payload=False)
            seen += [r.id for r in page]
            if offset is None:
                break
        assert seen == [p.id for p in self.points]
        assert self.status("scroll", name, order_by="population") == 400
        c("create_payload_index", name, field_name="population", field_schema=m.PayloadSchemaType.INTEGER, wait=True)
        c("create_payload_index", name, field_name="founded", field_schema=m.DatetimeIndexParams(type="datetime"), wait=True)
        c("create_payload_index", name, field_name="continent", field_schema="keyword", wait=True)
        schema = c("get_collection", name).payload_schema
        assert {field: index.data_type.value for field, index in schema.items()} == {
            "population": "integer",
            "founded": "datetime",
            "continent": "keyword",
        }
        values = sorted((p.payload["population"] for p in self.points), reverse=True)
        order = m.OrderBy(key="population", direction=m.Direction.DESC, start_from=values[9])
        page, offset = c("scroll", name, limit=5, order_by=order)
        assert [r.payload["population"] for r in page] == values[9:14] and offset is None
        dates = sorted(p.payload["founded"] for p in self.points)
        page, _ = c("scroll", name, limit=3, order_by=m.OrderBy(key="founded", start_from=dates[20]))
        assert [r.payload["founded"] for r in page] == dates[20:23]
        ordered = c("query_points", name, query=m.OrderByQuery(order_by="population"), limit=3, with_payload=True)
        assert [p.payload["population"] for p in ordered.points] == sorted(values)[:3]
        c("delete_payload_index", name, field_name="continent", wait=True)
        assert "continent" not in c("get_collection", name).payload_schema

    def filters(self):
        match = lambda key, value: m.FieldCondition(key=key, match=m.MatchValue(value=value))
        span = lambda key, **bounds: m.FieldCondition(key=key, range=m.Range(**bounds))
        port = [match("name", "Port 2"), span("rank", gte=3)]
        cases = [
            (m.Filter(must=[match("name", "Country 7")]), lambda p, _: p["name"] == "Country 7"),
            (m.Filter(must=[match("landlocked", True)]), lambda p, _: p["landlocked"]),
            (m.Filter(must=[match("tags", "island")]), lambda p, _: "island" in p["tags"]),
            (
                m.Filter(must=[m.FieldCondition(key="continent", match=m.MatchAny(any=["Asia", "Africa"]))]),
                lambda p, _: p["continent"] in ("Asia", "Africa"),
            ),
            (
                m.Filter(must=[m.FieldCondition(key="continent", match=m.MatchExcept(**{"except": ["Asia"]}))]),
                lambda p, _: p["continent"] != "Asia",
            ),
            (m.Filter(must=[m.FieldCondition(key="motto", match=m.MatchText(text="brown fox"))]), lambda p, _: bool(p.get("motto"))),
            (m.Filter(must=[span("area", gte=5, lt=12.25)]), lambda p, _: 5 <= p["area"] < 12.25),
            (m.Filter(must=[span("cities[].rank", gt=3)]), lambda p, _: any(c["rank"] > 3 for c in p["cities"])),
            (
                m.Filter(must=[m.FieldCondition(key="founded", range=m.DatetimeRange(gte="1850-01-01T00:00:00Z", lt="1950-06-01T00:00:00Z"))]),
                lambda p, _: "1850-01-01" <= p["founded"] < "1950-06-01",
            ),
            (
                m.Filter(must=[m.FieldCondition(key="tags", values_count=m.ValuesCount(gte=2, lt=4))]),
                lambda p, _: 2 <= len(p["tags"]) < 4,
            ),
            (m.Filter(must=[m.IsEmptyCondition(is_empty=m.PayloadField(key="motto"))]), lambda p, _: p.get("motto") is None),
            (m.Filter(must=[m.IsNullCondition(is_null=m.PayloadField(key="motto"))]), lambda p, _: "motto" in p and p["motto"] is None),
            (m.Filter(must=[m.HasIdCondition(has_id=[1, 4, 999])]), lambda _, ident: ident in (1, 4)),
            (
                m.Filter(must=[m.NestedCondition(nested=m.Nested(key="cities", filter=m.Filter(must=port)))]),
                lambda p, _: any(c["name"] == "Port 2" and c["rank"] >= 3 for c in p["cities"]),
            ),
            (
                m.Filter(should=[match("continent", "Asia"), span("area", lt=3)]),
                lambda p, _: p["continent"] == "Asia" or p["area"] < 3,
            ),
            (m.Filter(must_not=[match("landlocked", True)]), lambda p, _: not p["landlocked"]),
            (
                m.Filter(min_should=m.MinShould(min_count=2, conditions=[match("landlocked", True), match("continent", "Asia"), span("area", gte=10)])),
                lambda p, _: p["landlocked"] + (p["continent"] == "Asia") + (p["area"] >= 10) >= 2,
            ),
        ]
        for condition, chosen in cases:
            expected = [p.id for p in self.points if chosen(p.payload, p.id)]
            assert 0 < len(expected) < 40, condition
            page, _ = self.call("scroll", self.name, scroll_filter=condition, limit=100)
            assert [r.id for r in page] == expected, condition
            assert self.call("count", self.name, count_filter=condition).count == len(expected), condition
            found = self.call("query_points", self.name, query=[1.0, 1.0, 1.0, 1.0], query_filter=condition, limit=100)
            assert set(self.ids(found)) == set(expected), condition
        geo = m.FieldCondition(key="at", geo_radius=m.GeoRadius(center=m.GeoPoint(lon=1, lat=1), radius=5))
        assert self.status("count", self.name, count_filter=m.Filter(must=[geo])) == 400

    def writes(self):
        c = self.call
        name = f"{self.prefix}-writes"
        c("create_collection", name, vectors_config=m.VectorParams(size=2, distance=m.Distance.EUCLID), shard_number=2)
        point = lambda ident, vector, payload=None: m.PointStruct(id=ident, vector=vector, payload=payload or {})
        payloads = lambda: [r.payload for r in c("scroll", name)[0]]
        c("upsert", name, points=[point(1, [1, 0], {"color": "red", "size": {"w": 1}}), point(2, [2, 0], {"color": "blue"}), point(BIG, [3, 0])])
        assert [r.id for r in c("scroll", name)[0]] == [1, 2, BIG]
        assert c("retrieve", name, ids=[BIG])[0].id == BIG
        c("set_payload", name, payload={"seen": True}, points=[1, BIG])
        c("set_payload", name, payload={"h": 2}, key="size", points=[1])
        assert payloads() == [{"color": "red", "size": {"w": 1, "h": 2}, "seen": True}, {"color": "blue"}, {"seen": True}], payloads()
        seen = m.Filter(must=[m.FieldCondition(key="seen", match=m.MatchValue(value=True))])
        c("overwrite_payload", name, payload={"only": 1}, points=seen)
        c("delete_payload", name, keys=["only"], points=[1])
        c("clear_payload", name, points_selector=[2])
        assert payloads() == [{}, {}, {"only": 1}]
        assert self.status("set_payload", name, payload={"a": 1}, points=[31]) == 404
        c("update_vectors", name, points=[m.PointVectors(id=2, vector=[7, 7])])
        assert c("retrieve", name, ids=[2], with_vectors=True)[0].vector == [7, 7]
        c("delete_vectors", name, vectors=[""], points=[2])
        found = c("query_points", name, query=[7.0, 7.0], limit=10).points
        assert [p.id for p in found] == [BIG, 1] and abs(found[0].score - math.hypot(4, 7)) < 1e-4
        operations = [
            m.UpsertOperation(upsert=m.PointsList(points=[point(5, [5, 5], {"n": 1})])),
            m.SetPayloadOperation(set_payload=m.SetPayload(payload={"m": 2}, points=[5])),
            m.OverwritePayloadOperation(overwrite_payload=m.SetPayload(payload={"color": "green"}, points=[1])),
            m.DeletePayloadOperation(delete_payload=m.DeletePayload(keys=["none"], points=[2])),
            m.ClearPayloadOperation(clear_payload=m.PointIdsList(points=[1])),
            m.UpdateVectorsOperation(update_vectors=m.UpdateVectors(points=[m.PointVectors(id=1, vector=[4, 4])])),
            m.DeleteVectorsOperation(delete_vectors=m.DeleteVectors(points=[2], vector=[""])),
            m.DeleteOperation(delete=m.PointIdsList(points=[BIG])),
        ]
        results = c("batch_update_points", name, update_operations=operations)
        assert len(results) == 8 and all(r.status == m.UpdateStatus.COMPLETED for r in results)
        assert [(r.id, r.payload) for r in c("scroll", name)[0]] == [(1, {}), (2, {}), (5, {"n": 1, "m": 2})]
        assert self.status("upsert", name, points=[point(50, [1, 1]), point(51, [1])]) == 400
        assert self.status("upsert", f"{name}-none", points=[point(50, [1, 1])]) == 404
        c("delete", name, points_selector=[5])
        c("delete", name, points_selector=m.FilterSelector(filter=m.Filter(must=[m.HasIdCondition(has_id=[2])])))
        assert c("count", name).count == 1

    def run(self):
        try:
            for part in (self.collections, self.fill, self.queries, self.reads, self.filters, self.writes):
                part()
                print(f"ok  {part.__name__}")
        finally:
            for one in self.client.get_collections().collections:
                if one.name.startswith(self.prefix):
                    self.client.delete_collection(one.name)
        print(f"calls: {', '.join(sorted(self.calls))}")


if __name__ == "__main__":
    Suite(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6333").run()
