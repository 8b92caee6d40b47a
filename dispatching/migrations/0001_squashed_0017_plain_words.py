import datetime
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('dispatching', '0001_initial'), ('dispatching', '0002_initial'), ('dispatching', '0003_delivery_to_send'), ('dispatching', '0004_refusal'), ('dispatching', '0005_notice'), ('dispatching', '0006_swap_notices'), ('dispatching', '0007_shared_words'), ('dispatching', '0008_batch'), ('dispatching', '0009_notice_kinds'), ('dispatching', '0010_returned_mail'), ('dispatching', '0011_words'), ('dispatching', '0012_alerts_that_get_worse'), ('dispatching', '0013_media_processes_notices'), ('dispatching', '0014_refused_in_part'), ('dispatching', '0015_reopened_and_named'), ('dispatching', '0016_outside_addresses'), ('dispatching', '0017_plain_words')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('schedules', '0001_squashed_0011_plain_words'),
        ('schedules', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='ContactPoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(help_text='The way by which messages go there.', max_length=20)),
                ('address', models.CharField(help_text='One e-mail address, or the URL of a webhook.', max_length=500)),
                ('verified', models.BooleanField(default=False, help_text='On once somebody has seen a message arrive there. Contact points that are not verified are never used.')),
                ('disabled_reason', models.CharField(blank=True, help_text='Why nothing is sent there at present. Empty while it is in use.', max_length=200)),
                ('link_version', models.PositiveSmallIntegerField(default=1, editable=False)),
                ('from_outside', models.BooleanField(db_default=False, default=False, editable=False)),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Integration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Prometheus EU.', max_length=100, unique=True)),
                ('key_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('key_hint', models.CharField(editable=False, help_text='The start of the key, to tell keys apart.', max_length=4)),
                ('enabled', models.BooleanField(default=True, help_text='If off, Tocsin refuses all events sent with this key.')),
                ('other_teams', models.BooleanField(db_default=False, default=False, help_text="If off, an event that names another team's service goes to the service above.", verbose_name='may name services of other teams')),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Medium',
            fields=[
                ('channel', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('failing_since', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Process',
            fields=[
                ('name', models.CharField(help_text='Its host and process id.', max_length=200, primary_key=True, serialize=False)),
                ('seen_at', models.DateTimeField()),
                ('settings', models.JSONField(default=dict)),
            ],
            options={
                'verbose_name_plural': 'processes',
            },
        ),
        migrations.CreateModel(
            name='SweepRecord',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('completed_at', models.DateTimeField()),
                ('repaired', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dedup_key', models.CharField(max_length=255)),
                ('state', models.CharField(choices=[('triggered', 'triggered'), ('acknowledged', 'acknowledged'), ('resolved', 'resolved')], default='triggered', max_length=12)),
                ('summary', models.CharField(max_length=1024)),
                ('severity', models.CharField(blank=True, choices=[('critical', 'critical'), ('error', 'error'), ('warning', 'warning'), ('info', 'info')], max_length=8)),
                ('source', models.CharField(blank=True, max_length=255)),
                ('component', models.CharField(blank=True, max_length=255)),
                ('slo', models.CharField(blank=True, max_length=255, verbose_name='SLO')),
                ('deployment', models.CharField(blank=True, max_length=255)),
                ('product', models.CharField(blank=True, max_length=255)),
                ('runbook_url', models.CharField(blank=True, max_length=2000)),
                ('dashboard_url', models.CharField(blank=True, max_length=2000)),
                ('details', models.JSONField(blank=True, default=dict)),
                ('occurrences', models.PositiveIntegerField(default=1)),
                ('first_at', models.DateTimeField(verbose_name='since')),
                ('last_at', models.DateTimeField(verbose_name='last reported')),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_name', models.CharField(blank=True, db_default='', default='', max_length=150)),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('occurred_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('worst_severity', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('worst_priority', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('worse_since', models.PositiveIntegerField(db_default=0, default=0)),
                ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='dispatching.integration')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Content',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=1100)),
                ('text', models.TextField()),
                ('html', models.TextField(blank=True)),
                ('short', models.CharField(blank=True, max_length=500)),
                ('parts', models.JSONField(blank=True, default=dict)),
                ('links', models.JSONField(blank=True, default=list)),
                ('headers', models.JSONField(blank=True, default=dict)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField()),
                ('thread', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dispatching.content')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, help_text='The idempotency key, the same for every attempt.', unique=True)),
                ('queue', models.CharField(choices=[('page', 'page'), ('bulk', 'bulk')], default='page', max_length=4)),
                ('channel', models.CharField(max_length=20)),
                ('recipient_name', models.CharField(max_length=150, verbose_name='recipient')),
                ('address', models.CharField(blank=True, max_length=500)),
                ('subject', models.CharField(max_length=1100)),
                ('body', models.TextField()),
                ('data', models.JSONField(default=dict)),
                ('asks_to_confirm', models.BooleanField(db_default=False, default=False)),
                ('state', models.CharField(choices=[('pending', 'waiting'), ('sending', 'being sent'), ('sent', 'sent'), ('delivered', 'delivered'), ('suppressed', 'not sent: no longer needed'), ('failed', 'failed'), ('dead', 'given up')], default='pending', max_length=10)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('receipt', models.CharField(blank=True, max_length=255)),
                ('contact_point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deliveries', to='dispatching.contactpoint')),
                ('content', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='dispatching.content')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'ordering': ('-pk',),
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['queue', 'due_at'], name='delivery_due'), models.Index(condition=models.Q(('state__in', ('pending', 'sending')), models.Q(('content', None), ('state', 'sending'), _connector='OR')), fields=['queue', 'due_at', 'id'], name='delivery_to_send'), models.Index(condition=models.Q(('content__isnull', False), ('state', 'pending')), fields=['queue', 'due_at', 'id'], name='delivery_to_send_shared'), models.Index(fields=['state', '-id'], name='delivery_by_state'), models.Index(condition=models.Q(('due_at__isnull', False), ('state__in', ('failed', 'dead'))), fields=['due_at'], name='delivery_to_follow_up')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('pending', 'sending')), _negated=True), ('due_at__isnull', False), _connector='OR'), name='delivery_due_while_live'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('sent', 'delivered', 'suppressed')), _negated=True), ('due_at__isnull', True), _connector='OR'), name='delivery_not_due_when_done'), models.UniqueConstraint(condition=models.Q(('content__isnull', False)), fields=('content', 'contact_point'), name='content_once_a_contact_point')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('at', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('unknown', 'unknown'), ('accepted', 'accepted'), ('temporary', 'failed for now'), ('away', 'the provider was unavailable'), ('permanent', 'failed for good'), ('gone', 'no such address')], max_length=9)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='dispatching.delivery')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.UniqueConstraint(fields=('delivery', 'number'), name='attempt_once')],
            },
        ),
        migrations.CreateModel(
            name='EscalationPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Team 1.', max_length=100, unique=True)),
                ('repeat', models.PositiveSmallIntegerField(default=1, help_text='How many more times the steps run, from the first one, if nobody acknowledges.', validators=[django.core.validators.MaxValueValidator(20)])),
                ('description', models.TextField(blank=True, help_text='The agreement behind the policy: who agreed, and when.')),
                ('team', models.ForeignKey(blank=True, help_text='The team that agreed to this policy.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='policies', to='schedules.team')),
            ],
            options={
                'verbose_name_plural': 'escalation policies',
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('snapshot', models.JSONField(null=True)),
                ('position', models.PositiveIntegerField(default=0)),
                ('state', models.CharField(choices=[('running', 'running'), ('stopped', 'stopped'), ('exhausted', 'ended without an acknowledgement')], default='running', max_length=9)),
                ('due_at', models.DateTimeField(null=True)),
                ('resume_at', models.DateTimeField(null=True)),
                ('started_at', models.DateTimeField()),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalations', to='dispatching.alert')),
                ('policy', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='dispatching.escalationpolicy')),
            ],
            options={
                'ordering': ('pk',),
                'indexes': [models.Index(condition=models.Q(('state', 'running')), fields=['due_at'], name='escalation_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('alert',), name='one_running_escalation_an_alert'), models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('due_at__isnull', True)), _connector='OR'), name='escalation_due_while_running')],
            },
        ),
        migrations.CreateModel(
            name='Priority',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level', models.PositiveSmallIntegerField(help_text='1 is the most important. At most five priorities.', unique=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(5)])),
                ('name', models.CharField(help_text='For example: P1.', max_length=50)),
                ('description', models.TextField(blank=True, help_text='The criteria for choosing this priority, one a line, at most five.')),
                ('hotfix', models.BooleanField(default=False, help_text='A fix is deployed outside the usual releases.')),
                ('postmortem', models.BooleanField(default=False, help_text='A postmortem follows.')),
                ('tells_management', models.BooleanField(default=False, help_text='Management is told.')),
                ('tells_stakeholders', models.BooleanField(default=False, help_text='Stakeholders are told.')),
                ('update_interval', models.DurationField(blank=True, help_text='How often stakeholders get a status update, as hours:minutes:seconds.', null=True)),
            ],
            options={
                'verbose_name_plural': 'priorities',
                'ordering': ('level',),
                'constraints': [models.CheckConstraint(condition=models.Q(('level__gte', 1), ('level__lte', 5)), name='priority_one_to_five', violation_error_message="A priority's level is 1, 2, 3, 4 or 5.")],
            },
        ),
        migrations.AddField(
            model_name='alert',
            name='priority',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='dispatching.priority'),
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('display_name', models.CharField(blank=True, help_text='Only for somebody without a login: the name shown in timelines.', max_length=150, verbose_name='name')),
                ('last_resort', models.BooleanField(default=False, help_text='Told when an escalation ends without an acknowledgement. At least one recipient should be marked.')),
                ('user', models.OneToOneField(blank=True, help_text='The person, if there is a login.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='recipient', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.CheckConstraint(condition=models.Q(('user__isnull', False), models.Q(('display_name', ''), _negated=True), _connector='OR'), name='recipient_has_a_name', violation_error_message='Choose a user, or type a name.')],
            },
        ),
        migrations.CreateModel(
            name='Page',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='dispatching.alert')),
                ('contact_point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='pages', to='dispatching.contactpoint')),
                ('delivery', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='page', to='dispatching.delivery')),
                ('escalation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='dispatching.escalation')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pages', to='dispatching.recipient')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.UniqueConstraint(fields=('escalation', 'position', 'recipient', 'contact_point'), name='paged_once_a_step_run')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='What it is about and for whom. The same is never told twice.', max_length=200, unique=True)),
                ('kind', models.CharField(choices=[('reminder', 'shift reminder'), ('handover', 'handover'), ('feed', 'broken calendar'), ('swap', 'swap request'), ('promise', 'promised update'), ('change', 'change to a group'), ('management', 'news for a manager'), ('definition', 'definition put live'), ('news', 'outage of another team'), ('opened', 'outage opened by a definition')], max_length=10)),
                ('at', models.DateTimeField()),
                ('text', models.CharField(max_length=500)),
                ('reason', models.CharField(blank=True, help_text='Why nothing was sent.', max_length=200)),
                ('tried', models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ('delivery', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notice', to='dispatching.delivery')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='dispatching.recipient')),
            ],
            options={
                'ordering': ('-pk',),
                'constraints': [models.CheckConstraint(condition=models.Q(('delivery__isnull', False), models.Q(('reason', ''), _negated=True), _connector='OR'), name='notice_sent_or_reason')],
            },
        ),
        migrations.AddField(
            model_name='contactpoint',
            name='recipient',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contact_points', to='dispatching.recipient'),
        ),
        migrations.CreateModel(
            name='Refusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('count', models.PositiveIntegerField(default=1)),
                ('reason', models.TextField()),
                ('reasons', models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ('sample', models.TextField(blank=True)),
                ('working', models.BooleanField(db_default=False, default=False)),
                ('told_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(db_index=True, null=True)),
                ('integration', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='refusal', to='dispatching.integration')),
            ],
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='An event that names the service must use this name; capitals do not matter.', max_length=100, unique=True)),
                ('description', models.TextField(blank=True, help_text='What it does for customers.')),
                ('runbook_url', models.URLField(blank=True, help_text='What to do. Shown in the page if the event brings none.', verbose_name='address of the runbook')),
                ('dashboard_url', models.URLField(blank=True, help_text='Where to look. Shown in the page if the event brings none.', verbose_name='address of the dashboard')),
                ('policy', models.ForeignKey(help_text='Decides who is paged for its alerts, and in which order. Every service has one, so that no alert goes nowhere.', on_delete=django.db.models.deletion.PROTECT, related_name='services', to='dispatching.escalationpolicy', verbose_name='escalation policy')),
                ('team', models.ForeignKey(blank=True, help_text='The team that owns the service.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='services', to='schedules.team')),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='service_name_any_case', violation_error_message='There is already a service of this name.')],
            },
        ),
        migrations.AddField(
            model_name='integration',
            name='service',
            field=models.ForeignKey(help_text='Every event that names no service, an unknown one, or one that it may not name, goes to this service.', on_delete=django.db.models.deletion.PROTECT, related_name='integrations', to='dispatching.service'),
        ),
        migrations.AddField(
            model_name='alert',
            name='service',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='dispatching.service'),
        ),
        migrations.CreateModel(
            name='ShiftWatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_at', models.DateTimeField(db_index=True)),
                ('seen_until', models.DateTimeField(null=True)),
                ('on_duty', models.JSONField(default=list)),
                ('schedule', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='schedules.schedule')),
            ],
            options={
                'verbose_name_plural': 'shift watches',
                'ordering': ('due_at',),
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.PositiveSmallIntegerField(default=0, help_text='Steps run in this order, lowest first.')),
                ('escalate_after', models.DurationField(default=datetime.timedelta(seconds=3600), help_text='How long these people have to acknowledge before the next step runs, as hours:minutes:seconds.', validators=[django.core.validators.MinValueValidator(datetime.timedelta(seconds=1)), django.core.validators.MaxValueValidator(datetime.timedelta(days=7))])),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='dispatching.escalationpolicy')),
            ],
            options={
                'ordering': ('order', 'pk'),
                'constraints': [models.CheckConstraint(condition=models.Q(('escalate_after__gte', datetime.timedelta(seconds=1))), name='step_gives_time', violation_error_message='A step must give its people at least one second.')],
            },
        ),
        migrations.CreateModel(
            name='Target',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.ForeignKey(blank=True, help_text='Everyone in a group of people across teams.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='auth.group')),
                ('schedule', models.ForeignKey(blank=True, help_text='The people who are on duty there when the step runs.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='schedules.schedule')),
                ('step', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='dispatching.step')),
                ('team', models.ForeignKey(blank=True, help_text='Everyone on the team, on call or not.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='schedules.team')),
                ('user', models.ForeignKey(blank=True, help_text='This person.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('schedule__isnull', False), ('team__isnull', True), ('user__isnull', True)), models.Q(('group__isnull', True), ('schedule__isnull', True), ('team__isnull', True), ('user__isnull', False)), models.Q(('group__isnull', True), ('schedule__isnull', True), ('team__isnull', False), ('user__isnull', True)), models.Q(('group__isnull', False), ('schedule__isnull', True), ('team__isnull', True), ('user__isnull', True)), _connector='OR'), name='target_is_exactly_one', violation_error_message='A target is exactly one of: a schedule, a person, a team, a group.')],
            },
        ),
        migrations.CreateModel(
            name='AlertEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('triggered', 'triggered'), ('repeated', 'reported again'), ('worsened', 'got worse'), ('ignored', 'event ignored'), ('step', 'step ran'), ('skipped', 'step skipped'), ('nobody', 'nobody reached'), ('paged', 'page planned'), ('not_paged', 'not paged'), ('sent', 'page sent'), ('not_sent', 'page not sent'), ('acknowledged', 'acknowledged'), ('resolved', 'resolved'), ('reopened', 'reopened'), ('escalated', 'escalated by hand'), ('exhausted', 'escalation ended'), ('repaired', 'repaired'), ('failed', 'could not run')], max_length=12)),
                ('text', models.TextField(blank=True)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('alert', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='dispatching.alert')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('pk',),
                'indexes': [models.Index(fields=['alert', 'id'], name='event_by_alert')],
            },
        ),
        migrations.CreateModel(
            name='ContactRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delay', models.DurationField(default=datetime.timedelta(0), help_text='How long after the start of a page, as hours:minutes:seconds. Without rules, all contact points are used at once.', validators=[django.core.validators.MaxValueValidator(datetime.timedelta(days=1))])),
                ('contact_point', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rules', to='dispatching.contactpoint')),
            ],
            options={
                'ordering': ('delay', 'pk'),
                'constraints': [models.UniqueConstraint(fields=('contact_point',), name='one_rule_a_contact_point'), models.CheckConstraint(condition=models.Q(('delay__gte', datetime.timedelta(0))), name='contact_rule_not_in_the_past', violation_error_message='The delay cannot be negative.')],
            },
        ),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('contact_points', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('data', models.JSONField(default=dict)),
                ('due_at', models.DateTimeField()),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='dispatching.content')),
            ],
            options={
                'ordering': ('due_at', 'pk'),
                'default_permissions': (),
                'indexes': [models.Index(fields=['due_at', 'id'], name='batch_due')],
            },
        ),
        migrations.AddConstraint(
            model_name='contactpoint',
            constraint=models.UniqueConstraint(models.F('recipient'), models.F('channel'), django.db.models.functions.text.Lower('address'), name='contact_point_once_a_recipient', violation_error_message='This recipient already has this address.'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['integration', 'dedup_key', '-id'], name='alert_by_key'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['state', '-id'], name='alert_by_state'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['service', '-id'], name='alert_by_service'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'resolved'), _negated=True), fields=('integration', 'dedup_key'), name='one_open_alert_a_key'),
        ),
    ]
