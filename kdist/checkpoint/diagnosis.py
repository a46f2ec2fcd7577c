"""Which file holds a chunk that cannot be read: asked only when something is wrong already."""

from __future__ import annotations

from kdist.checkpoint import checksums, engine
from kdist.checkpoint.checksums import ChunkIndex
from kdist.checkpoint.layout import Path
from kdist.checkpoint.storage import Store


def explain_chunk(
    store: Store,
    step: int,
    item: str,
    path: Path,
    name: str,
    chunk: ChunkIndex | None,
    reason: str,
) -> str:
    """Returns an error message that names the leaf, the chunk and the file that it lies in.

    Arguments:
        item: the item's folder in `store`.
        name: the leaf's stored name.
        chunk: the chunk's place in the grid, or None when a second reading succeeded.
        reason: what went wrong.
    """
    leaf = f"Step {step}: the leaf {'/'.join(path)!r}"
    if chunk is None:
        return f"{leaf} could not be read at first, and then could: {reason}. Try again."
    key = f"{name}/{checksums.chunk_key(chunk)}"
    where = _describe(store, item, key)
    return f"{leaf}, chunk {chunk}, cannot be trusted: {where}; {reason}. Use another step."


def _describe(store: Store, item: str, key: str) -> str:
    try:
        found = engine.locate_keys(store.spec(item), key).get(key)
    except Exception as e:
        # The index is damaged too, or the step has none: say what is known.
        return f"file {store.where(f'{item}/{key}')} ({type(e).__name__} while looking for it: {e})"
    if found is None:
        return f"the index {store.where(item)}/manifest.ocdbt has no such chunk"
    name, start, length = found
    full = f"{item}/{name}"
    size = store.size(full)
    if size is None:
        return f"file {store.where(full)} is missing"
    if size < start + length:
        return f"file {store.where(full)} is cut short ({size} bytes, {start + length} needed)"
    return f"file {store.where(full)}, bytes {start} to {start + length}"
