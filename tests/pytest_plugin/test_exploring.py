"""Marked tests: what is explored, how a counterexample is shown, which verdicts fail."""

import pytest

pytest_plugins = ["pytester"]

LOST_UPDATE = """
    @pytest.mark.treadle
    async def test_lost_update():
        account = Account()
        await both(account)
        assert account.balance == 3
"""
YIELDING = """
    @pytest.mark.treadle
    async def test_yielding():
        done = []
        async def first():
            await asyncio.sleep(0)
            done.append(1)
        async def second():
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            done.append(2)
        await asyncio.gather(first(), second())
        assert done == [1, 2]
"""
WIDE = """
    @pytest.mark.treadle(runs=10)
    async def test_wide():
        choose(50)
"""


class TestCounterexamples:
    def test_the_table_is_shown_and_no_frame_of_ours(self, project):
        project.write(LOST_UPDATE)
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "assertion: assert * == 3",
                "test_it.py:*: in test_lost_update",
                "*assert account.balance == 3",
                "* treadle: assertion *",
                "*violated: assertion*",
                "*weakest contract: stock*",
                "*step *main *alice *bob*",
                "*checkpoint completes*",
                "FAILED test_it.py::test_lost_update - Violated: assertion: assert * == 3",
            ]
        )
        text = result.stdout.str()
        assert "Traceback" not in text
        assert "site-packages" not in text
        assert "checker/" not in text
        assert text.count("of test_lost_update") == 0

    def test_an_assertion_keeps_its_rich_message(self, project):
        project.write(LOST_UPDATE)
        project.run().stdout.fnmatch_lines(["*where * = <test_it.Account object at *>.balance*"])

    def test_a_message_of_the_tests_own_comes_first(self, project):
        project.write(LOST_UPDATE.replace("== 3", '== 3, f"the balance is {account.balance}"'))
        project.run().stdout.fnmatch_lines(["FAILED * - Violated: assertion: the balance is *"])

    def test_a_deadlock_is_shown_at_the_test(self, project):
        project.write(
            """
            @pytest.mark.treadle
            async def test_circle():
                one, other = asyncio.Lock(), asyncio.Lock()
                async def client(first, second):
                    async with first:
                        await checkpoint()
                        async with second:
                            pass
                await asyncio.gather(client(one, other), client(other, one))
            """
        )
        result = project.run("--junit-xml=junit.xml")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["no-deadlock: nothing can happen any more*", "FAILED *::test_circle - Violated: no-deadlock*"])
        assert "no-deadlock: nothing can happen any more" in (project.path / "junit.xml").read_text()

    @pytest.mark.parametrize(
        ("failing", "shown"),
        [
            ("pytest.fail('on purpose')", "assertion: on purpose"),
            ("raise ValueError('broken')", "no-unhandled-exception: the scenario raised ValueError: broken"),
            ("with pytest.raises(KeyError): pass", "assertion: DID NOT RAISE*"),
        ],
    )
    def test_whatever_the_test_raises_is_told(self, project, failing, shown):
        project.write(
            f"""
            @pytest.mark.treadle
            async def test_raising():
                account = Account()
                await both(account)
                if account.balance != 3:
                    {failing}
            """
        )
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"FAILED * - Violated: {shown}"])

    def test_what_happens_after_the_test_is_shown_at_the_test(self, project):
        project.write(
            """
            @pytest.mark.treadle(forbid={"leaked-tasks"})
            async def test_leaking():
                asyncio.create_task(Account().deposit(1), name="late")
            """
        )
        result = project.run("--tb=line")
        line = 1 + (project.path / "test_it.py").read_text().splitlines().index('@pytest.mark.treadle(forbid={"leaked-tasks"})')
        result.stdout.fnmatch_lines([f"*test_it.py:{line}: Violated: no-leaked-task: *: late"])

    def test_every_property_with_keep_going(self, project):
        project.write(
            """
            @pytest.mark.treadle(keep_going=True)
            async def test_two():
                if choose(2):
                    assert False, "one way"
                raise ValueError("another way")
            """
        )
        project.run().stdout.fnmatch_lines_random(["*- treadle: assertion -*", "*- treadle: no-unhandled-exception -*"])

    def test_a_witness_that_never_came(self, project):
        project.write(
            """
            @pytest.mark.treadle(witnesses={"overdrawn"})
            async def test_witness():
                await both(Account())
            """
        )
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["witness: never happened in any run: overdrawn"])
        project.write(
            """
            @pytest.mark.treadle(witnesses={"overdrawn"})
            async def test_witness():
                await both(Account())
                witness("overdrawn")
            """
        )
        project.run().assert_outcomes(passed=1)


class TestVerdicts:
    def test_a_verified_test_passes_and_says_nothing(self, project):
        result = project.passes(
            """
            @pytest.mark.treadle(cancel=1)
            async def test_balance():
                account = Account()
                await asyncio.gather(account.deposit(1), asyncio.sleep(1), return_exceptions=True)
                assert account.balance in (0, 1)
            """
        )
        assert "= treadle =" not in result.stdout.str()

    def test_cancellations_come_with_the_mark(self, project):
        source = """
            @pytest.mark.treadle({options})
            async def test_balance():
                account = Account()
                task = asyncio.create_task(account.deposit(1))
                await asyncio.wait([task])
                assert account.balance == 1
            """
        project.passes(source.format(options=""))
        project.write(source.format(options="cancel=1"))
        project.run().assert_outcomes(failed=1)

    def test_marks_of_class_and_module_hold_for_their_async_tests(self, project):
        project.write(
            """
            pytestmark = pytest.mark.treadle(cancel=1)

            def test_plain():
                pass

            async def lonely():
                account = Account()
                task = asyncio.create_task(account.deposit(1))
                await asyncio.wait([task])
                assert account.balance == 1

            async def test_async():
                await lonely()

            class TestClass:
                async def test_method(self):
                    await lonely()

                @pytest.mark.treadle(cancel=0)
                async def test_own_mark(self):
                    await lonely()
            """
        )
        project.run().assert_outcomes(passed=2, failed=2)

    def test_a_limit_is_said_in_the_summary_and_fails_if_strict(self, project):
        result = project.passes(WIDE)
        result.stdout.fnmatch_lines(["*= treadle =*", "bounded: test_it.py::test_wide: the limit of 10 runs was reached*"])
        result = project.run("--treadle-strict")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["FAILED * - Failed: bounded, not verified: the limit of 10 runs*"])

    def test_a_limit_on_time_from_the_command_line(self, project):
        project.write(
            """
            @pytest.mark.treadle
            async def test_endless():
                while True:
                    choose(2)
                    await checkpoint()
                    Account.count = getattr(Account, "count", 0) + 1
            """
        )
        result = project.run("--treadle-timeout=0.2")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["bounded: *the limit of 0.2 seconds was reached*"])

    def test_a_warning_is_told_shown_with_v_and_fails_if_strict(self, project):
        result = project.passes(YIELDING)
        result.stdout.fnmatch_lines(["*= treadle =*", "warning: test_it.py::test_yielding: assertion: *-v shows how*"])
        assert "weakest contract" not in result.stdout.str()
        result = project.run("-v")
        result.stdout.fnmatch_lines(["*weakest contract: stretched*"])
        result = project.run("--treadle-strict")
        result.assert_outcomes(failed=1)

    def test_the_contract_from_the_command_line_goes_before_the_marks(self, project):
        project.passes(YIELDING.replace("treadle", 'treadle(contract="stock")'))
        result = project.run("--treadle-contract=stretched")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*weakest contract: stretched*"])

    def test_a_single_interleaving_says_so(self, project):
        result = project.passes(
            """
            @pytest.mark.treadle
            async def test_single():
                await asyncio.sleep(0)
            """
        )
        result.stdout.fnmatch_lines(["note: test_it.py::test_single: there is a single interleaving*"])

    def test_what_was_not_checked_is_said_so(self, project):
        result = project.passes(
            """
            @pytest.mark.treadle(cancel=1)
            async def test_gather():
                async def within(seconds):
                    async with asyncio.timeout(seconds):
                        await checkpoint()

                await asyncio.gather(within(1), within(2))
            """
        )
        result.stdout.fnmatch_lines_random(
            ["note: *::test_gather: a timeout * never fired *", "note: *::test_gather: *ended there with its CancelledError*"]
        )

    def test_tests_without_the_mark_are_left_alone(self, project):
        result = project.passes(
            """
            def test_plain():
                pass

            async def test_async():
                pass
            """,
            passed=1,
            failed=1,
        )
        result.stdout.fnmatch_lines(["*async def functions are not natively supported*"])


class TestPytestsOwnWays:
    def test_parametrized(self, project):
        project.write(
            """
            @pytest.mark.treadle
            @pytest.mark.parametrize(("amount", "wrong"), [(0, False), (2, True)])
            async def test_amounts(amount, wrong):
                account = Account()
                await asyncio.gather(account.deposit(amount), account.deposit(0))
                assert account.balance == amount
            """
        )
        result = project.run()
        result.assert_outcomes(passed=1, failed=1)
        result.stdout.fnmatch_lines(["FAILED test_it.py::test_amounts[[]2-True[]]*"])

    def test_skip_in_the_midst_of_a_test(self, project):
        result = project.passes(
            """
            @pytest.mark.treadle
            async def test_skipping():
                account = Account()
                await both(account)
                pytest.skip("not today")
            """,
            "-rs",
            skipped=1,
        )
        result.stdout.fnmatch_lines(["SKIPPED *test_it.py:*: not today"])

    def test_skip_in_a_fixture(self, project):
        project.passes(
            """
            @pytest.fixture
            async def account():
                await checkpoint()
                pytest.skip("no bank")

            @pytest.mark.treadle
            async def test_skipping(account):
                pass
            """,
            skipped=1,
        )

    def test_a_patched_test(self, project):
        project.passes(
            """
            from unittest import mock

            @pytest.mark.treadle
            @mock.patch.object(Account, "deposit", autospec=True)
            async def test_patched(deposit, request):
                await asyncio.gather(both(Account()), checkpoint())
                assert deposit.call_count == 2
            """
        )

    def test_xfail(self, project):
        project.passes(LOST_UPDATE.replace("@pytest", "@pytest.mark.xfail(strict=True)\n    @pytest", 1), xfailed=1)

    def test_marks_of_other_plugins_stay(self, project):
        project.pytester.makeconftest(
            """
            import pytest

            @pytest.hookimpl(wrapper=True)
            def pytest_pycollect_makeitem():
                items = yield
                for item in items if isinstance(items, list) else ():
                    item.add_marker("slow")
                return items
            """
        )
        project.pytester.makeini("[pytest]\nmarkers = slow")
        project.write(LOST_UPDATE)
        project.run("-m", "slow").assert_outcomes(failed=1)

    @pytest.mark.parametrize(("body", "counts"), [("assert account.balance == 3", {"failed": 1}), ("pass", {"passed": 1})])
    def test_marked_after_it_was_collected(self, project, body, counts):
        project.pytester.makeconftest(
            """
            import pytest

            def pytest_collection_modifyitems(items):
                for item in items:
                    item.add_marker(pytest.mark.treadle)
            """
        )
        project.write(
            f"""
            async def test_late():
                account = Account()
                await both(account)
                {body}
            """
        )
        project.run().assert_outcomes(**counts)
        project.write("def test_plain(): pass")
        result = project.run()
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: test_it.py::test_plain is marked with treadle, but it is not an `async def`*"])

    def test_x_stops_at_the_first(self, project):
        project.write(LOST_UPDATE + LOST_UPDATE.replace("lost", "lost_another"))
        result = project.run("-x")
        result.assert_outcomes(failed=1)

    def test_only_the_output_of_the_counterexample_is_shown(self, project):
        project.write(LOST_UPDATE.replace("await both", "print('begins', account.balance)\n        await both"))
        text = project.run().stdout.str()
        assert text.count("begins 0") == 1
        assert "Captured stdout call" in text
        text = project.run("-s", "--cache-clear").stdout.str()
        assert text.count("begins 0") == 1

    def test_only_the_log_of_the_counterexample_is_shown(self, project):
        project.write(
            LOST_UPDATE.replace("await both", "logging.getLogger('bank').warning('begins')\n        await both").replace(
                "@pytest", "import logging\n    @pytest", 1
            )
        )
        text = project.run("-o", "log_cli=true").stdout.str()
        assert text.count("begins") == 2  # live, and among what was captured

    def test_a_warning_of_the_program_is_shown_once(self, project):
        source = LOST_UPDATE.replace("await both", "import warnings; warnings.warn('old', DeprecationWarning)\n        await both")
        project.write(source)
        result = project.run()
        result.assert_outcomes(failed=1, warnings=1)
        project.write(source.replace("== 3", "> 0"))
        project.run().assert_outcomes(passed=1, warnings=1)
        result = project.run("-W", "error")
        result.stdout.fnmatch_lines(["FAILED *the scenario raised DeprecationWarning: old*"])

    def test_coroutines_that_a_cancellation_keeps_from_starting_are_no_warning(self, project):
        project.write(
            """
            async def wrap(circle):
                await circle[0]

            @pytest.mark.treadle(cancel=1)
            async def test_wrapped():
                circle = [checkpoint()]
                circle.append(circle)  # so that only the garbage collector finds it
                task = asyncio.create_task(wrap(circle))
                await asyncio.wait([task])
                assert not task.cancelled()
            """
        )
        project.run_alone().assert_outcomes(failed=1, warnings=0)

    def test_the_debugger_stops_where_the_assertion_failed(self, project):
        project.write(
            LOST_UPDATE,
            recording="""
            import pdb

            class Recorder(pdb.Pdb):
                def interaction(self, frame, traceback):
                    traceback = getattr(traceback, "__traceback__", traceback)  # from 3.13 on it is the exception
                    while traceback.tb_next is not None:
                        traceback = traceback.tb_next
                    place = traceback.tb_frame
                    print("STOPPED in", place.f_code.co_name, "balance", place.f_locals["account"].balance)
            """,
        )
        result = project.run("--pdb", "--pdbcls=recording:Recorder")
        result.stdout.fnmatch_lines(["STOPPED in test_lost_update balance *"])

    def test_globals_are_as_before_the_test(self, project):
        project.passes(
            """
            seen = []

            @pytest.mark.treadle
            async def test_first():
                await both(Account())
                seen.append(1)
                assert seen == [1]

            def test_second():
                assert seen == []
            """,
            passed=2,
        )

    def test_ctrl_c_ends_the_session(self, project):
        project.write(
            """
            import os, signal

            @pytest.mark.treadle
            async def test_long():
                for _ in range(3):
                    await checkpoint()
                    choose(2)
                if not os.path.exists("struck"):
                    open("struck", "w").close()
                    os.kill(os.getpid(), signal.SIGINT)

            def test_next():
                pass
            """
        )
        result = project.run_alone()
        assert result.ret == pytest.ExitCode.INTERRUPTED
        result.assert_outcomes()
