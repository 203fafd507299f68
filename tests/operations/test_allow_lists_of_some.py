"""A workspace that holds what its tenants put on the allow-list since: what others see of it is asked of nobody."""

from tests.normalizer.world import sha256
from tests.operations.test_withdrawals_model import Withdrawals


def test_what_is_allowed_for_nobody_here_is_not_lost_when_it_is_seen_again_elsewhere() -> None:
    state = Withdrawals()
    try:
        state.a_source_sees_files(tenant="contoso", feed="own", names={"d"}, dies_at=None)
        state.a_tenant_has_other_workspaces(tenant="contoso", to={"spare"})
        state.a_tenant_has_other_workspaces(tenant="northwind", to={"spare"})
        state.a_policy_is_edited(whose="everyone", policy={"allow_list": [sha256("d")]})
        state.a_policy_is_edited(whose="fabrikam", policy={"allow_list": []})
        state.a_source_sees_files(tenant="fabrikam", feed="grid", names={"d"}, dies_at=None)
        state.settle()
    finally:
        state.teardown()
