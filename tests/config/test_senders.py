import pytest

PATHS = (
    "/integrations/key/events/",
    "/integrations//key//events",
    "/v2/enqueue",
    "/v2/nothing",
    "/integrations/key/odd/",
)


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_senders_of_events_pass_what_serves_people_only_and_get_the_headers_of_every_answer(client, path):
    answer = client.post(path, b"[]", content_type="application/json")
    assert answer.status_code in (400, 401, 404)
    assert not hasattr(answer.wsgi_request, "session")
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
def test_people_keep_their_sessions(client):
    assert hasattr(client.get("/accounts/login/").wsgi_request, "session")
