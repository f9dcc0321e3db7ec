"""Where the embedded engine differs from dockerd on purpose, and why.

A row names a test: ``file::test`` or ``file::test[case]`` (without the engine's name). On the
embedded engine that test has to fail; once it passes, the row has to go.
"""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {
    "test_found.py::test_list_after_a_start_that_failed": (
        "what a start had of networks before it failed is gone from lists at once, as from "
        "inspect: those ports are published no more"
    ),
    "test_interface_changes.py::test_done_with_net_admin": (
        "interfaces and routes are the engine's alone: NET_ADMIN is discarded with a warning"
    ),
    "test_ipv6.py::test_ipv6_leads_from_network_to_network": (
        "networks are isolated for IPv6 as for IPv4: so dockerd from 27 on, while 26.1 has its "
        "rules of IPv6 as an experiment that is off"
    ),
    "test_ipv6.py::test_refused_address_of_ipv6_takes_one_of_ipv4_along": (
        "a connect that is refused gives back all that it had, while libnetwork loses the address "
        "of IPv4 where that of IPv6 is refused"
    ),
    "test_name_details.py::test_where_the_files_are": (
        "hosts, hostname and resolv.conf live in the engine's memory: there is no path to show"
    ),
    "test_ports.py::test_bindings_for_every_address": (
        "published ports listen on 127.0.0.1 alone, so no binding of [::] is shown"
    ),
    "test_refused.py::test_archives_compressed_with_zstd": (
        "archives compressed with zstd: nothing that comes with Python reads them before 3.14"
    ),
    "test_refused.py::test_extended_attributes_of_an_archive": (
        "extended attributes are not kept: a writable layer may lie where there are none"
    ),
    "test_refused.py::test_processes_of_the_host": (
        "PID mode `host`: the processes of the host are no affair of a container that is not one"
    ),
    "test_refused.py::test_plugins_can_be_made": (
        "plugins are programs for Linux, which nothing here could run"
    ),
    "test_refused_in_swarms.py::test_managers_can_be_locked": (
        "the one manager's state is not encrypted on disk: a lock would only pretend"
    ),
    "test_refused_in_swarms.py::test_a_config_can_be_a_template": (
        "configs and secrets reach the containers as they are; a template would be half a language"
    ),
    "test_refused_in_swarms.py::test_services_of_other_kinds": (
        "jobs have an orchestrator of their own in Swarm, UDP a mesh: neither is a lesson's matter"
    ),
    "test_volumes.py::test_volume_of_a_kind_that_the_kernel_mounts": (
        "NFS and block devices need the kernel: refused when the volume is made"
    ),
}

NEEDS_IPVS = (
    "this kernel has no IPVS (ip_vs), by which dockerd balances over virtual addresses: there is "
    "nobody to compare the embedded engine with"
)
"""Why ``swarm/test_virtual_addresses.py`` may be skipped on dockerd, and there alone."""
