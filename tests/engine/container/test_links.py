"""Links outlive the engine."""

from __future__ import annotations

from pathlib import Path

from tests.engine.container.conftest import Bench, close_bench, open_bench


async def test_links_are_kept(bench: Bench, tmp_path: Path) -> None:
    await bench.run("sleep", "1000", name="db", host={"network_mode": "bridge"})
    await bench.run("sleep", "1000", name="web", host={"links": ["db:store"]})
    await close_bench(bench)
    again = await open_bench(tmp_path / "state", bench.clock)
    web, db = again.service.get("web"), again.service.get("db")
    assert web.links == {"store": db}
    assert again.service.get("web/store") is db
    await again.service.start(db)
    await again.service.start(web)
    assert again.service.networks.linking.environment(web) == ["STORE_NAME=/web/store"]
    await close_bench(again)
