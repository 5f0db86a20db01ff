"""Fixtures of marked tests: what is made anew for every run, what is shared, and in which order."""

import pytest

pytest_plugins = ["pytester"]


class TestMadeAnew:
    def test_plain_generator_and_async_fixtures(self, project):
        project.write(
            """
            @pytest.fixture
            def plain():
                return Account()

            @pytest.fixture
            def generated():
                account = Account()
                yield account
                assert account.balance == 1

            @pytest.fixture
            async def awaited():
                await checkpoint()
                return Account()

            @pytest.fixture
            async def opened():
                await checkpoint()
                account = Account()
                yield account
                await checkpoint()
                assert account.balance == 1

            @pytest.mark.treadle
            async def test_new(plain, generated, awaited, opened):
                accounts = [plain, generated, awaited, opened]
                assert [account.balance for account in accounts] == [0, 0, 0, 0]
                await asyncio.gather(*(account.deposit(1) for account in accounts[:2]))
                await asyncio.gather(*(account.deposit(1) for account in accounts[2:]))
            """
        )
        project.run().assert_outcomes(passed=1)

    @pytest.mark.parametrize("teardown", ["assert account.balance == 3", "await checkpoint(); assert account.balance == 3"])
    def test_what_breaks_in_the_teardown_is_found(self, project, teardown):
        project.write(
            f"""
            @pytest.fixture
            async def account():
                account = Account()
                yield account
                {teardown}

            @pytest.mark.treadle
            async def test_both(account):
                await both(account)
            """
        )
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["test_it.py:*: in account", "FAILED * - Violated: assertion: assert * == 3"])

    def test_an_async_fixture_is_interleaved_with_the_tasks_of_another(self, project):
        project.write(
            """
            @pytest.fixture
            async def account():
                account = Account()
                depositing = asyncio.create_task(account.deposit(1), name="background")
                yield account
                await depositing
                assert account.balance == 2

            @pytest.fixture
            async def opened(account):
                await account.deposit(1)

            @pytest.mark.treadle
            async def test_lost(opened):
                pass
            """
        )
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["FAILED * - Violated: assertion: assert 1 == 2"])

    def test_plain_fixtures_may_return_coroutines_and_generators(self, project):
        project.passes(
            """
            @pytest.fixture
            def depositing():
                return Account().deposit(1)

            @pytest.fixture
            def numbers():
                async def generate():
                    yield 1
                    await checkpoint()
                    yield 2
                return generate()

            @pytest.mark.treadle
            async def test_values(depositing, numbers):
                await asyncio.gather(depositing, checkpoint())
                assert [number async for number in numbers] == [1, 2]
            """
        )

    @pytest.mark.parametrize("kind", ["def", "async def"])
    def test_a_fixture_that_yields_twice_or_never(self, project, kind):
        project.write(
            f"""
            @pytest.fixture
            {kind} twice():
                yield 1
                yield 2

            @pytest.fixture
            {kind} never():
                if False:
                    yield

            @pytest.mark.treadle
            async def test_twice(twice):
                await both(Account())

            @pytest.mark.treadle
            async def test_never(never):
                await both(Account())
            """
        )
        result = project.run()
        result.assert_outcomes(failed=2)
        result.stdout.fnmatch_lines(
            [
                "no-unhandled-exception: the scenario raised ValueError: the fixture 'twice' yields more than once",
                "no-unhandled-exception: the scenario raised ValueError: the fixture 'never' did not yield a value",
            ]
        )

    def test_order_of_set_up_and_teardown(self, project):
        project.passes(
            """
            journal = []  # put back between runs

            @pytest.fixture
            def first():
                journal.append("first")
                yield
                journal.append("first ends")
                assert journal == ["always", "first", "second", "test", "finalizer", "second ends", "first ends"]

            @pytest.fixture
            async def second(first, request):
                journal.append("second")
                yield
                journal.append("second ends")

            @pytest.fixture(autouse=True)
            async def always():
                journal.append("always")

            @pytest.mark.treadle
            @pytest.mark.usefixtures("second")
            async def test_order(request):
                journal.append("test")
                request.addfinalizer(lambda: journal.append("finalizer"))
                await both(Account())
            """
        )

    def test_teardown_happens_although_the_test_fails_and_the_tests_error_is_told(self, project):
        project.write(
            """
            @pytest.fixture
            def failing():
                yield
                raise ValueError("in the teardown")

            @pytest.mark.treadle
            async def test_fails(failing):
                await both(Account())
                assert False, "in the test"
            """
        )
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["FAILED * - Violated: assertion: in the test*"])

    def test_parametrized_indirect_and_overridden(self, project):
        project.pytester.makeconftest(
            """
            import pytest

            @pytest.fixture(scope="session")
            def settings():
                return {"amount": 1}
            """
        )
        project.passes(
            """
            @pytest.fixture
            async def settings(settings):
                await checkpoint()
                return {**settings, "extra": True}

            @pytest.fixture(params=[10, 20])
            async def account(request):
                return Account(request.param)

            @pytest.fixture
            def named(request):
                return request.param, request.fixturename, request.node.name

            @pytest.mark.treadle
            @pytest.mark.parametrize("named", ["x"], indirect=True)
            async def test_both_kinds(account, settings, named):
                before = account.balance
                assert before in (10, 20)
                await account.deposit(settings["amount"])
                assert account.balance == before + 1
                assert settings["extra"]
                assert named[:2] == ("x", "named")
                assert named[2].startswith("test_both_kinds[")
            """,
            passed=2,
        )

    def test_methods_have_an_instance_of_their_own(self, project):
        project.passes(
            """
            class TestAccount:
                def setup_method(self, method):
                    assert not hasattr(self, "account")
                    self.account = Account()
                    self.name = method.__name__

                def teardown_method(self):
                    assert self.account.balance == 1

                @pytest.fixture
                async def opened(self, request):
                    assert request.instance is self
                    self.mark = 1
                    return self.account

                @pytest.mark.treadle
                async def test_method(self, opened):
                    assert self.name == "test_method"
                    assert opened is self.account
                    assert self.mark == 1
                    self.mark = 2
                    await asyncio.gather(opened.deposit(1), checkpoint())

                @staticmethod
                @pytest.mark.treadle
                async def test_static(tmp_path):
                    await both(Account())
            """,
            "-k",
            "test_method",
        )

    def test_fixtures_by_name(self, project):
        project.write(
            """
            @pytest.fixture
            def inner():
                return Account()

            @pytest.fixture
            def account(inner):
                yield inner

            @pytest.fixture
            async def later():
                return 1

            @pytest.mark.treadle
            async def test_plain(request):
                account = request.getfixturevalue("account")
                assert account is request.getfixturevalue("account") is request.getfixturevalue("inner")
                assert account.balance == 0
                await account.deposit(1)

            @pytest.fixture
            def early(request):
                return request.getfixturevalue("last")

            @pytest.fixture
            def last():
                return Account()

            @pytest.mark.treadle
            async def test_made_once(early, last):
                assert early is last
                await both(early)

            @pytest.mark.treadle
            async def test_async(request):
                request.getfixturevalue("later")
            """
        )
        result = project.run()
        result.assert_outcomes(passed=2, failed=1)
        result.stdout.fnmatch_lines(["*the async fixture 'later' cannot be asked for with request.getfixturevalue()*"])

    def test_monkeypatch_is_undone_after_every_run(self, project):
        project.passes(
            """
            import os

            @pytest.fixture
            def patched(monkeypatch):
                assert "TREADLE_TEST" not in os.environ
                monkeypatch.setenv("TREADLE_TEST", "1")
                monkeypatch.setattr(Account, "limit", 100, raising=False)

            @pytest.mark.treadle
            async def test_patched(patched, monkeypatch):
                await both(Account())
                assert Account.limit == 100

            def test_after():
                assert "TREADLE_TEST" not in os.environ
                assert not hasattr(Account, "limit")
            """,
            passed=2,
        )


class TestShared:
    def test_wider_fixtures_are_set_up_once_and_put_back_between_runs(self, project):
        project.passes(
            """
            import sys

            @pytest.fixture(scope="module")
            def store():
                sys.treadle_stores = getattr(sys, "treadle_stores", 0) + 1
                yield {"items": []}
                del sys.treadle_stores

            @pytest.mark.treadle
            @pytest.mark.parametrize("shared", [[]])
            async def test_store(store, shared):
                assert (store["items"], shared, sys.treadle_stores) == ([], [], 1)
                await both(Account())
                store["items"].append(1)
                shared.append(1)

            def test_after(store):
                assert store["items"] == []
            """,
            passed=2,
        )

    def test_pytest_itself_is_not_put_back(self, project):
        project.passes(
            """
            class Holder:
                def __init__(self, request):
                    self.request = request
                    self.runs = 0

            @pytest.fixture(scope="module")
            def holder(request):
                return Holder(request)

            @pytest.mark.treadle
            async def test_holder(holder):
                await both(Account())
                holder.runs += 1
                assert holder.runs == 1
                config = holder.request.config
                config.runs = getattr(config, "runs", 0) + 1

            def test_after(holder, pytestconfig):
                assert holder.runs == 0
                assert pytestconfig.runs > 1
            """,
            passed=2,
        )

    @pytest.mark.parametrize("function", ["async def wide():\n        return 1", "async def wide():\n        yield 1"])
    def test_a_wider_async_fixture_is_refused(self, project, function):
        project.write(
            f"""
    @pytest.fixture(scope="module")
    {function}

    @pytest.mark.treadle
    async def test_wide(wide):
        pass
    """
        )
        result = project.run()
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*the async fixture 'wide' has the scope 'module'*give the fixture function scope*"])

    def test_what_pytest_collects_is_that_of_one_run(self, project):
        project.passes(
            """
            import logging, warnings

            @pytest.mark.treadle
            async def test_output(capsys, caplog, recwarn, tmp_path, request):
                print("hello")
                logging.getLogger("bank").warning("careful")
                warnings.warn("old")
                await both(Account())
                assert capsys.readouterr().out == "hello\\n"
                assert caplog.messages == ["careful"]
                assert [str(warning.message) for warning in recwarn] == ["old"]
                print("bye")
                logging.getLogger("bank").warning("bye")
                assert tmp_path.is_dir()
                assert request.config.rootpath
            """
        )

    def test_output_and_log_of_the_test_do_not_hinder_the_next(self, project):
        project.passes(
            """
            @pytest.mark.treadle
            async def test_first(capsys):
                print("hello")
                await both(Account())
                assert capsys.readouterr().out == "hello\\n"

            def test_second(capsys):
                print("again")
                assert capsys.readouterr().out == "again\\n"
            """,
            passed=2,
        )


class TestMerging:
    """States are merged as without pytest: a fixture of pytest's in sight costs nothing."""

    @pytest.mark.parametrize("arguments", ["", "request", "tmp_path, monkeypatch", "pytestconfig, account, opened"])
    def test_programs_that_loop_for_ever_have_finite_graphs(self, project, arguments):
        project.passes(
            f"""
            @pytest.fixture
            def account():
                return Account()

            @pytest.fixture
            async def opened(account, request):
                await checkpoint()
                yield account

            @pytest.mark.treadle(max_states=500)
            async def test_forever({arguments}):
                stop = asyncio.Event()
                async def client():
                    while not stop.is_set():
                        await checkpoint()
                task = asyncio.create_task(client())
                await checkpoint()
                stop.set()
                await task
            """,
            "--treadle-strict",
        )

    def test_as_many_runs_and_states_as_without_fixtures(self, project):
        project.pytester.makeconftest(
            """
            def pytest_runtest_logreport(report):
                if hasattr(report, "treadle"):
                    print("\\nFIXTURES", report.treadle["stats"]["executions"], report.treadle["stats"]["states"])
            """
        )
        project.write(
            """
            from treadle.checker import check

            @pytest.fixture
            async def account(monkeypatch):
                account = Account()
                yield account
                assert account.balance in (1, 2, 3)

            @pytest.mark.treadle(contract="stock", cancel=1)
            async def test_explored(account, request, tmp_path):
                await asyncio.wait([asyncio.create_task(account.deposit(amount)) for amount in (1, 2, 3)])

            async def scenario():
                account = Account()
                await asyncio.wait([asyncio.create_task(account.deposit(amount)) for amount in (1, 2, 3)])
                assert account.balance in (1, 2, 3)

            def test_checked():
                stats = check(scenario, contract="stock", cancel=1).stats
                print("SCENARIO", stats["executions"], stats["states"])
            """
        )
        result = project.run("-s")
        result.assert_outcomes(passed=2)
        words = result.stdout.str().split()
        figures = [words[words.index(name) + 1 : words.index(name) + 3] for name in ("FIXTURES", "SCENARIO")]
        assert figures[0] == figures[1]
        assert int(figures[0][0]) > 10
