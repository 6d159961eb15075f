"""The same sweep on several processes or machines, by dask."""
