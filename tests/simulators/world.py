"""The accounts, workspaces and app of these tests."""

import base64

from pydantic import SecretStr

from mti.simulators.mimecast import AccountV1, AccountV2
from mti.simulators.sentinel import App

CONTOSO = AccountV2(id="contoso", region="eu", client_id="contoso-id", client_secret=SecretStr("contoso-secret"))
NORTHWIND = AccountV2(id="northwind", region="eu", client_id="northwind-id", client_secret=SecretStr("other-secret"))
FABRIKAM = AccountV1(
    id="fabrikam",
    region="eu",
    app_id="fabrikam-app",
    app_key=SecretStr("fabrikam-app-key"),
    access_key=base64.b64encode(b"fabrikam access key").decode(),
    secret_key=SecretStr(base64.b64encode(b"fabrikam secret key").decode()),
    email="admin@fabrikam.example",
    password=SecretStr("pass:word"),
)
WORKSPACE = "00000000-0000-0000-0000-00000000000a"
OTHER_WORKSPACE = "00000000-0000-0000-0000-00000000000b"
DIRECTORY = "11111111-1111-1111-1111-111111111111"
APP = App(azure_tenant_id=DIRECTORY, client_id="app-id", client_secret=SecretStr("app-secret"), workspaces=(WORKSPACE,))
